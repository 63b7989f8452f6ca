import type { CallResult } from '../kernel.ts';
import { isUsable, refused, writeAddresses } from './call-arrays.ts';
import { ERRNO, lastErrno, libc } from './libc.ts';
import { PAGE_NUMBER_END } from './pagemap.ts';

/** Pages in one call; 2 MiB of addresses. The kernel's own batches are 512 pointers at a time. */
export const PAGES_PER_CALL_MAX = 262_144;

/** MPOL_MF_MOVE, MPOL_MF_MOVE_ALL; include/uapi/linux/mempolicy.h. */
const flagOf = { alone: 2, together: 4 } as const;
const syscallMovePages = 279;

/**
 * long syscall(long number, pid_t pid, unsigned long count, void **pages, const int *nodes, int *status, int flags)
 *
 * SAFETY: move_pages(2) by number, since glibc has no wrapper (libnuma has). `syscall` is variadic in C; on
 * x86-64 its arguments travel exactly as a fixed list of integers and pointers does.
 * Lifetimes: the three arrays are pinned by koffi until this synchronous call returns, and the kernel keeps no
 * pointer. Never call `.async`: it does not keep them alive.
 * Sizes: `pages` holds `count` 8-byte addresses, `nodes` (or NULL: query) and `status` `count` 4-byte ints;
 * `call` below checks them, because koffi turns a detached array into NULL, and NULL nodes mean "query".
 * errno: set only when -1 is returned. The kernel may have moved pages all the same and may have left `status`
 * unwritten (also when a positive number of unmoved pages is returned): callers preset it and query afterwards.
 */
const syscall = libc.func('syscall', 'int64', [
  'int64',
  'int',
  'size_t',
  'void *',
  'void *',
  'void *',
  'int',
]);

/** One process' side of move_pages(2), with its own address buffer. Page numbers are whole and below 2^44. */
export interface PageMover {
  /** `status` := node, or negative errno, of every page. */
  query(pageNumber: Float64Array, status: Int32Array): CallResult;
  /** Without `together` only pages that this process alone maps. `status` as far as the kernel writes it. */
  move(pageNumber: Float64Array, node: Int32Array, status: Int32Array, together?: boolean): CallResult;
}

/** `nowNs` is a monotonic clock; it brackets the system call alone. */
export function createPageMover(pid: number, nowNs: () => number): PageMover {
  let addresses = new Uint32Array(0);

  function call(
    pageNumber: Float64Array,
    node: Int32Array | null,
    status: Int32Array,
    flag: number,
  ): CallResult {
    const count = pageNumber.length;
    if (!isUsable(status, count) || (node && !isUsable(node, count))) return refused(ERRNO.EINVAL);
    if (count > PAGES_PER_CALL_MAX) return refused(ERRNO.E2BIG);
    if (count === 0) return { returned: 0, errno: 0, ns: 0 };
    if (addresses.length < 2 * count) addresses = new Uint32Array(2 * Math.max(count, 4_096));
    if (!writeAddresses(pageNumber, PAGE_NUMBER_END, addresses)) return refused(ERRNO.EINVAL);
    const start = nowNs();
    const returned: number = syscall(syscallMovePages, pid, count, addresses, node, status, flag);
    const errno = returned === -1 ? lastErrno() : 0;
    return { returned, errno, ns: nowNs() - start };
  }

  return {
    query: (pageNumber, status) => call(pageNumber, null, status, 0),
    move: (pageNumber, node, status, together = false) =>
      call(pageNumber, node, status, together ? flagOf.together : flagOf.alone),
  };
}
