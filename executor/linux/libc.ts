import koffi from 'koffi';

/**
 * The C library, loaded once. Only this folder talks to it; SYSCALLS.md lists every call.
 *
 * SAFETY: libc.so.6 is already mapped by Node and is never unloaded, so function pointers taken from
 * it stay valid for the life of the process.
 */
export const libc = koffi.load('libc.so.6');

/**
 * errno of the calling thread as the last foreign call left it. Meaningful only directly after a call that
 * returned -1 on this same thread: koffi saves it per call, and nothing of ours may run in between.
 */
export function lastErrno(): number {
  return koffi.errno();
}

/** The errno values this folder tells apart; include/uapi/asm-generic/errno-base.h. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  E2BIG: 7,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EINVAL: 22,
} as const;
