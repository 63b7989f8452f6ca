import { lastErrno, libc } from './libc.ts';

const syscallPrlimit64 = 302;

/**
 * long syscall(long number, pid_t pid, int resource, const struct rlimit64 *new, struct rlimit64 *old)
 *
 * SAFETY: prlimit64(2), which prlimit(2) is in glibc, on the calling process (pid 0). Both arrays are two 64-bit
 * words, soft and hard, pinned by koffi until this synchronous call returns; `new` may be NULL.
 */
const syscall = libc.func('syscall', 'int64', ['int64', 'int', 'int', 'void *', 'void *']);

/** include/uapi/asm-generic/resource.h */
export const RESOURCE = {
  fileBytes: 1,
  coreBytes: 4,
  processes: 6,
  descriptors: 7,
  lockedBytes: 8,
  queuedSignals: 11,
  queueBytes: 12,
  nice: 13,
  realTimePriority: 14,
} as const;

/** Lowers a limit for good, soft and hard, and leaves alone what is lower already. errno, or 0. */
export function lowerLimit(resource: number, value: number): number {
  const old = new BigUint64Array(2);
  if (syscall(syscallPrlimit64, 0, resource, null, old) === -1) return lastErrno();
  const bound = BigInt(value);
  const lowered = old.map((word) => (word < bound ? word : bound));
  return syscall(syscallPrlimit64, 0, resource, lowered, null) === -1 ? lastErrno() : 0;
}
