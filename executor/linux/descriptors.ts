import { lastErrno, libc } from './libc.ts';

const syscallCloseRange = 436;
const syscallFcntl = 72;

/**
 * long syscall(long number, unsigned, unsigned, unsigned)
 *
 * SAFETY: close_range(2) with CLOSE_RANGE_CLOEXEC (Linux 5.11), and fcntl(2) with F_SETFD. Nothing is closed
 * before execve, so that no descriptor which Node itself uses goes away under it. Integers alone.
 */
const syscall = libc.func('syscall', 'int64', ['int64', 'uint32', 'uint32', 'uint32']);

/** CLOSE_RANGE_CLOEXEC, include/uapi/linux/close_range.h; F_SETFD, include/uapi/asm-generic/fcntl.h. */
const CLOSE_ON_EXEC = 4;
const SET_DESCRIPTOR_FLAGS = 2;
const DESCRIPTOR_MAX = 0xffff_ffff;

/**
 * The descriptors that outlive the next execve: those below `count`, and no other. Node itself marks the first
 * few, so that its children do not inherit them by chance. errno, or 0; EBADF where one of them is not open.
 */
export function passOnDescriptors(count: number): number {
  if (syscall(syscallCloseRange, count, DESCRIPTOR_MAX, CLOSE_ON_EXEC) === -1) return lastErrno();
  for (let descriptor = 0; descriptor < count; descriptor++)
    if (syscall(syscallFcntl, descriptor, SET_DESCRIPTOR_FLAGS, 0) === -1) return lastErrno();
  return 0;
}
