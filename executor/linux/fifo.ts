import { failure, success, type Result } from '../result.ts';
import { lastErrno, libc } from './libc.ts';

const syscallMknod = 133;
/** S_IFIFO with 0600; include/uapi/linux/stat.h. */
const ownersFifo = 0o010_600;

/**
 * long syscall(long number, const char *path, mode_t mode, dev_t device)
 *
 * SAFETY: mknod(2) by number, for a FIFO. `syscall` is variadic in C; on x86-64 its arguments travel exactly as a
 * fixed list of integers and pointers does. koffi copies the path, ended by a zero, for the length of this
 * synchronous call; paths with a zero inside are refused before. errno: set only when -1 is returned.
 */
const makeNode = libc.func('syscall', 'int64', ['int64', 'str', 'uint32', 'uint64']);

const syscallFcntl = 72;
/** F_SETPIPE_SZ; include/uapi/linux/fcntl.h. */
const setPipeSize = 1031;

/**
 * long syscall(long number, int descriptor, int command, int bytes)
 *
 * SAFETY: fcntl(2) by number, to size a pipe: only integers cross, and the descriptor is the caller's own.
 * errno: set only when -1 is returned.
 */
const controlPipe = libc.func('syscall', 'int64', ['int64', 'int', 'int', 'int']);

/** Makes a FIFO that only its owner, the caller, may open (as far as the umask allows even that). */
export function makeFifo(path: string): Result<true, 'fifo-unmade'> {
  if (path.includes('\0')) return failure('fifo-unmade', 'a path has no zero byte in it');
  const returned: number = makeNode(syscallMknod, path, ownersFifo, 0);
  if (returned === 0) return success(true);
  return failure('fifo-unmade', `${path}: no FIFO can be made (errno ${lastErrno()}); see its folder`);
}

/** How much a pipe holds; the kernel rounds up to pages and a power of two. False where it refuses. */
export function resizePipe(descriptor: number, bytes: number): boolean {
  const returned: number = controlPipe(syscallFcntl, descriptor, setPipeSize, bytes);
  return returned >= bytes;
}
