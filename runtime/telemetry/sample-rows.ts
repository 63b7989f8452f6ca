import { grow } from '../columns.ts';
import type { SampleRows } from './source.ts';

/** Collects a sample row by row into columns that are reused from epoch to epoch. */
export interface RowBuilder {
  readonly count: number;
  /** Makes room for so many rows at once. */
  reserve(rows: number): void;
  add(
    owner: number,
    pageNumber: number,
    pages: number,
    node: number,
    accesses: number,
    writes: number,
    flags: number,
    coverage: number,
  ): void;
  clear(): void;
  /** Views that stay valid until the next `clear`. */
  take(): SampleRows;
}

export function createRowBuilder(): RowBuilder {
  let owner = new Uint16Array(0);
  let pageNumber = new Float64Array(0);
  let pages = new Uint32Array(0);
  let node = new Uint8Array(0);
  let accesses = new Uint32Array(0);
  let writes = new Uint32Array(0);
  let flags = new Uint8Array(0);
  let coverage = new Uint8Array(0);
  let count = 0;

  function reserve(length: number): void {
    if (length <= owner.length) return;
    owner = grow(owner, length);
    pageNumber = grow(pageNumber, length);
    pages = grow(pages, length);
    node = grow(node, length);
    accesses = grow(accesses, length);
    writes = grow(writes, length);
    flags = grow(flags, length);
    coverage = grow(coverage, length);
  }

  return {
    get count() {
      return count;
    },
    reserve,
    add(rowOwner, rowPageNumber, rowPages, rowNode, rowAccesses, rowWrites, rowFlags, rowCoverage) {
      if (count === owner.length) reserve(Math.max(4096, count * 2));
      owner[count] = rowOwner;
      pageNumber[count] = rowPageNumber;
      pages[count] = rowPages;
      node[count] = rowNode;
      accesses[count] = rowAccesses;
      writes[count] = rowWrites;
      flags[count] = rowFlags;
      coverage[count++] = rowCoverage;
    },
    clear() {
      count = 0;
    },
    take: () => ({
      owner: owner.subarray(0, count),
      pageNumber: pageNumber.subarray(0, count),
      pages: pages.subarray(0, count),
      node: node.subarray(0, count),
      accesses: accesses.subarray(0, count),
      writes: writes.subarray(0, count),
      flags: flags.subarray(0, count),
      coverage: coverage.subarray(0, count),
    }),
  };
}
