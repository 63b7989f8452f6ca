import type { FreedRange } from './trace.ts';

/** The pages a traced program holds, ascending. */
export interface LivePages {
  readonly pageNumber: Float64Array;
  /** Adds pages, ascending; those already live stay once. */
  add(pageNumber: Float64Array): void;
  /** Removes ranges, ascending and disjoint. */
  remove(ranges: readonly FreedRange[]): void;
}

export function createLivePages(): LivePages {
  let live = new Float64Array(0);
  return {
    get pageNumber() {
      return live;
    },
    add(pageNumber) {
      live = union(live, pageNumber);
    },
    remove(ranges) {
      if (ranges.length > 0) live = subtract(live, ranges);
    },
  };
}

function union(a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  const merged = new Float64Array(a.length + b.length);
  let count = 0;
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const next = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    if (a[i] === next) i++;
    if (b[j] === next) j++;
    merged[count++] = next;
  }
  return merged.slice(0, count);
}

function subtract(pages: Float64Array, ranges: readonly FreedRange[]): Float64Array<ArrayBuffer> {
  let at = 0;
  return new Float64Array(
    pages.filter((page) => {
      while (at < ranges.length && ranges[at].pageNumber + ranges[at].pages <= page) at++;
      return at === ranges.length || page < ranges[at].pageNumber;
    }),
  );
}
