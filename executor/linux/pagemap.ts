import { closeSync, openSync } from 'node:fs';
import { procPath } from '../procfs/proc.ts';
import { readFailure, type ReadFault } from '../procfs/read-file.ts';
import { success, type Result } from '../result.ts';
import { readEntries } from './read-entries.ts';

/** Page numbers from here on are no user address on x86-64 (five-level tables: 2^56 bytes). */
export const PAGE_NUMBER_END = 2 ** 44;

/** High lane of a pagemap entry; Documentation/admin-guide/mm/pagemap.rst. */
export const PAGEMAP_HIGH = {
  frame: 0x007f_ffff,
  softDirty: 1 << 23,
  /** Bit 56: mapped exactly once. */
  exclusive: 1 << 24,
  writeProtected: 1 << 25,
  /** Bit 61: a file page, or shared anonymous memory. */
  file: 1 << 29,
  swapped: 1 << 30,
  present: 1 << 31,
} as const;

/** The frame number in the two lanes of an entry; 0 where the kernel hides it. */
export function frameOf(low: number, high: number): number {
  return low + (high & PAGEMAP_HIGH.frame) * 2 ** 32;
}

/** Entries in one read: 256 KiB, the size kernel measurements found best. */
export const ENTRIES_PER_READ = 32_768;

/** Unasked entries worth reading over rather than starting another read (about 1 µs against 36 ns each). */
const gapEntriesMax = 24;

/**
 * An open /proc/PID/pagemap. The descriptor belongs to the memory, not to the pid: after exec or exit it
 * reads nothing, whoever has the pid then.
 */
export interface Pagemap {
  /** Whether the memory still exists. */
  alive(): boolean;
  /**
   * Entries of `count` neighbouring pages, low and high lane by turns; answers how many were read. Fewer at
   * the end of user space, 0 beyond it or when the memory is gone.
   */
  readRange(first: number, count: number, lanes: Uint32Array): number;
  /**
   * The entries of pages in `low` and `high` lanes, row by row. Rows are best ascending: neighbours share a
   * read. 0 for what lies beyond user space. False when the memory is gone.
   */
  entries(pageNumber: Float64Array, low: Uint32Array, high: Uint32Array): boolean;
  close(): void;
}

export function openPagemap(root: string, pid: number): Result<Pagemap, ReadFault> {
  const path = procPath(root, pid, 'pagemap');
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return readFailure(path, error);
  }
  const probe = new Uint32Array(2);
  let buffer = new Uint32Array(0);

  function read(first: number, count: number): number {
    if (buffer.length < 2 * count) buffer = new Uint32Array(Math.min(2 * ENTRIES_PER_READ, 4 * count));
    return readEntries(fd, buffer, first, count);
  }

  return success({
    alive: () => readEntries(fd, probe, 0, 1) === 1,
    readRange: (first, count, lanes) => readEntries(fd, lanes, first, Math.min(count, lanes.length >>> 1)),
    entries(pageNumber, low, high) {
      for (let from = 0; from < pageNumber.length;) {
        const first = pageNumber[from];
        const until = runEnd(pageNumber, from);
        const last = pageNumber[until - 1];
        const found = first >= 0 && last < PAGE_NUMBER_END ? read(first, last - first + 1) : 0;
        if (found === 0 && readEntries(fd, probe, 0, 1) === 0) return false;
        for (let at = from; at < until; at++) {
          const entry = pageNumber[at] - first;
          low[at] = entry < found ? buffer[2 * entry] : 0;
          high[at] = entry < found ? buffer[2 * entry + 1] : 0;
        }
        from = until;
      }
      return true;
    },
    close: () => closeSync(fd),
  });
}

/** Where the run of ascending, nearly neighbouring pages that begins at `from` ends. */
function runEnd(pageNumber: Float64Array, from: number): number {
  const first = pageNumber[from];
  let until = from + 1;
  for (; until < pageNumber.length; until++) {
    const page = pageNumber[until];
    const step = page - pageNumber[until - 1];
    if (!(step >= 0 && step <= gapEntriesMax) || page - first >= ENTRIES_PER_READ || page >= PAGE_NUMBER_END)
      break;
  }
  return until;
}
