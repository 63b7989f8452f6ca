import type { CallResult } from '../kernel.ts';
import { failure, success, type Result } from '../result.ts';
import { isUsable, refused, writeAddresses } from './call-arrays.ts';
import { ERRNO, lastErrno, libc } from './libc.ts';

/** Frames in one call, as pages in one of move_pages. */
export const FRAMES_PER_CALL_MAX = 262_144;

/** Physical addresses on x86-64 have at most 52 bits. */
export const FRAME_END = 2 ** 40;

/** Numbers a system call outside mainline may have: those before are mainline's, those after belong to x32. */
export const SYSCALL_NUMBERS = { first: 472, last: 511 } as const;

/** MPOL_MF_MOVE, MPOL_MF_MOVE_ALL; include/uapi/linux/mempolicy.h. */
const flagOf = { alone: 2, together: 4 } as const;

/**
 * long syscall(long number, unsigned long nr, const u64 *addrs, const int *nodes, int *status, int flags)
 *
 * SAFETY: move_phys_pages(2) of an RFC that mainline never took. It has no number of its own: the one passed is
 * the operator's, checked against `SYSCALL_NUMBERS`, and no other is ever tried. `syscall` is variadic in C; on
 * x86-64 its arguments travel exactly as a fixed list of integers and pointers does.
 * Lifetimes: the three arrays are pinned by koffi until this synchronous call returns, and the kernel keeps no
 * pointer. Never call `.async`: it does not keep them alive.
 * Sizes: `addrs` holds `nr` 8-byte addresses, `nodes` (or NULL: query) and `status` `nr` 4-byte ints; `call` below
 * checks them, because koffi turns a detached array into NULL, and NULL nodes mean "query".
 * errno: set only when -1 is returned. Then `status` holds outcomes as far as the call came and -EAGAIN
 * after that, or nothing at all when nothing was touched: callers preset it and query afterwards.
 */
const syscall = libc.func('syscall', 'int64', ['int64', 'size_t', 'void *', 'void *', 'void *', 'int']);

/**
 * Moves pages by frame number. The guarantee is weaker than that of move_pages: a frame can change hands between
 * the look that chose it and the call, and the kernel cannot tell.
 */
export interface FrameMover {
  /** `status` := node, or negative errno, of the folio that begins at each frame. */
  query(frame: Float64Array, status: Int32Array): CallResult;
  /**
   * Moves the folio that begins at each frame to its node. `alone`: only those that a single address space maps;
   * `together`: those that several map, too. `returned` counts folios that could have moved and did not.
   */
  move(frame: Float64Array, node: Int32Array, status: Int32Array, sharing: keyof typeof flagOf): CallResult;
}

export type FrameMoverFault = 'syscall-number-refused' | 'syscall-missing' | 'permission-missing';

/** `syscallNumber` is the operator's word; `nowNs` is a monotonic clock that brackets the system call alone. */
export function openFrameMover(
  syscallNumber: number,
  nowNs: () => number,
): Result<FrameMover, FrameMoverFault> {
  const { first, last } = SYSCALL_NUMBERS;
  if (!(Number.isInteger(syscallNumber) && syscallNumber >= first && syscallNumber <= last))
    return failure(
      'syscall-number-refused',
      `${syscallNumber} cannot be move_phys_pages: allowed are ${first} to ${last}`,
    );
  const fault = faultOf(syscall(syscallNumber, 0, null, null, null, 0) === 0 ? 0 : lastErrno());
  if (fault) return fault;
  let addresses = new Uint32Array(0);

  function call(frame: Float64Array, node: Int32Array | null, status: Int32Array, flag: number): CallResult {
    const count = frame.length;
    if (!isUsable(status, count) || (node && !isUsable(node, count))) return refused(ERRNO.EINVAL);
    if (count > FRAMES_PER_CALL_MAX) return refused(ERRNO.E2BIG);
    if (count === 0) return { returned: 0, errno: 0, ns: 0 };
    if (addresses.length < 2 * count) addresses = new Uint32Array(2 * Math.max(count, 4_096));
    if (!writeAddresses(frame, FRAME_END, addresses)) return refused(ERRNO.EINVAL);
    const start = nowNs();
    const returned: number = syscall(syscallNumber, count, addresses, node, status, flag);
    const errno = returned === -1 ? lastErrno() : 0;
    return { returned, errno, ns: nowNs() - start };
  }

  return success({
    query: (frame, status) => call(frame, null, status, 0),
    move: (frame, node, status, sharing) => call(frame, node, status, flagOf[sharing]),
  });
}

/** What a call for no entries says about the operator's number. */
function faultOf(errno: number): Result<never, FrameMoverFault> | undefined {
  if (errno === 0) return undefined;
  if (errno === ERRNO.EPERM)
    return failure('permission-missing', 'move_phys_pages needs CAP_SYS_ADMIN: grant it or do without');
  return failure(
    'syscall-missing',
    `move_phys_pages answers errno ${errno}: this kernel has another number for it, or none`,
  );
}
