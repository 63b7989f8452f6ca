import type { CallResult } from '../kernel.ts';

/**
 * Page or frame numbers as 64-bit little-endian addresses, two lanes each, without a bigint per page. They
 * are whole; false for one that is not in [0, end).
 */
export function writeAddresses(pageNumber: Float64Array, end: number, lanes: Uint32Array): boolean {
  for (let at = 0; at < pageNumber.length; at++) {
    const page = pageNumber[at];
    const high = Math.floor(page / 2 ** 20);
    // One comparison refuses negatives, NaN and numbers too large alike.
    if (!(page >= 0 && page < end)) return false;
    lanes[2 * at] = (page - high * 2 ** 20) * 4_096;
    lanes[2 * at + 1] = high;
  }
  return true;
}

/** Whether an array may go to the kernel: of this length, attached, and not shared with other threads. */
export function isUsable(array: Int32Array, count: number): boolean {
  return array instanceof Int32Array && array.length === count && array.buffer instanceof ArrayBuffer;
}

/** Answered as the kernel would, without asking it. */
export function refused(errno: number): CallResult {
  return { returned: -1, errno, ns: 0 };
}
