import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { readFailure, type ReadFault } from '../procfs/read-file.ts';
import { success, type Result } from '../result.ts';
import { readEntries } from './read-entries.ts';

/** Low lane of /proc/kpageflags; include/uapi/linux/kernel-page-flags.h. */
export const FRAME_LOW = {
  uptodate: 1 << 3,
  lru: 1 << 5,
  slab: 1 << 7,
  buddy: 1 << 10,
  anon: 1 << 12,
  head: 1 << 15,
  tail: 1 << 16,
  huge: 1 << 17,
  unevictable: 1 << 18,
  hwpoison: 1 << 19,
  nopage: 1 << 20,
  thp: 1 << 22,
  offline: 1 << 23,
  zero: 1 << 24,
  pgtable: 1 << 26,
} as const;

/** High lane: bits 32 and 33. */
export const FRAME_HIGH = { reserved: 1, mlocked: 2 } as const;

/** Order of the largest folio: a 1 GiB page. */
const folioOrderMax = 18;

/** Entries in one read. Reading costs the kernel 73 ns a frame, so runs only cover what was asked for. */
const entriesPerRead = 64;

/** The folio around a frame, with the flags of its head (tails of older kernels carry none). */
export interface Folio {
  head: number;
  pages: number;
  low: number;
  high: number;
}

export interface FrameFlags {
  /** Forgets what was read: flags are facts of one moment. */
  forget(): void;
  /**
   * The folio around a frame. `ahead` = frames from this one on that the caller will ask for too. The answer
   * is overwritten by the next call. A frame beyond memory reads as NOPAGE.
   */
  folioOf(frame: number, ahead: number): Folio;
  close(): void;
}

export function openFrameFlags(root: string): Result<FrameFlags, ReadFault> {
  const path = join(root, 'proc/kpageflags');
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return readFailure(path, error);
  }
  const run = new Uint32Array(2 * entriesPerRead);
  let runFirst = 0;
  let runCount = 0;
  const one = new Uint32Array(2);
  const folio: Folio = { head: 0, pages: 0, low: 0, high: 0 };

  /** Loads one entry, from the run where it lies in it, into `one`. */
  function load(frame: number): number {
    const at = frame - runFirst;
    if (at >= 0 && at < runCount) one.set(run.subarray(2 * at, 2 * at + 2));
    else if (readEntries(fd, one, frame, 1) === 0) one.set([FRAME_LOW.nopage, 0]);
    return one[0];
  }

  /**
   * Folios are powers of two and aligned to their size. Rounding a tail down to growing powers therefore
   * meets only tails until it meets the head.
   */
  function findHead(frame: number): number {
    for (let order = 1; order <= folioOrderMax; order++) {
      const head = frame - (frame % 2 ** order);
      if ((load(head) & FRAME_LOW.tail) === 0) return head;
    }
    return frame;
  }

  /**
   * The frame 2^k past a head is a tail of it exactly while 2^k is smaller than the folio. Most large folios are
   * huge pages, so that is tried first where it can be: no other folio has a tail in the middle of an aligned 512.
   */
  function findPages(head: number): number {
    let pages = head % 512 === 0 && (load(head + 256) & FRAME_LOW.tail) !== 0 ? 512 : 1;
    while (pages < 2 ** folioOrderMax && (load(head + pages) & FRAME_LOW.tail) !== 0) pages *= 2;
    return pages;
  }

  function isWithinFolio(frame: number): boolean {
    return frame >= folio.head && frame < folio.head + folio.pages;
  }

  return success({
    forget() {
      runCount = 0;
      folio.pages = 0;
    },
    folioOf(frame, ahead) {
      if (isWithinFolio(frame)) return folio;
      if (frame < runFirst || frame >= runFirst + runCount) {
        runFirst = frame;
        runCount = readEntries(fd, run, frame, Math.max(1, Math.min(ahead, entriesPerRead)));
      }
      const low = load(frame);
      const head = low & FRAME_LOW.tail ? findHead(frame) : frame;
      folio.low = load(head);
      folio.high = one[1];
      folio.head = head;
      folio.pages = folio.low & FRAME_LOW.head ? findPages(head) : 1;
      // A folio that was split while it was being read: take the frame for itself.
      if (!isWithinFolio(frame)) Object.assign(folio, { head: frame, pages: 1 });
      return folio;
    },
    close: () => closeSync(fd),
  });
}
