import { countBelow } from './search.ts';

/** Frames that our own moves emptied, for as long as a sample may still list them from before. */
export interface Vacancies {
  /** Ranges emptied by one plan; believed empty up to and including sample `until`. */
  add(ranges: readonly FrameRange[], until: number): void;
  /** Whether one plan emptied all of a range, as far as sample `sample` may not know yet. */
  cover(first: number, pages: number): boolean;
  /** Forgets what ended before `sample`. */
  expire(sample: number): void;
}

export interface FrameRange {
  readonly first: number;
  readonly end: number;
}

interface Batch {
  readonly ranges: readonly FrameRange[];
  readonly until: number;
}

export function createVacancies(): Vacancies {
  let batches: Batch[] = [];
  return {
    add(ranges, until) {
      if (ranges.length > 0) batches.push({ ranges: outermost(ranges), until });
    },
    cover(first, pages) {
      return batches.some(({ ranges }) => {
        const range = ranges[countBelow(ranges.length, first + 1, (at) => ranges[at].first) - 1];
        return range !== undefined && range.end >= first + pages;
      });
    },
    expire(sample) {
      batches = batches.filter(({ until }) => until >= sample);
    },
  };
}

/** Sorted, without those that lie within another. */
function outermost(ranges: readonly FrameRange[]): FrameRange[] {
  const sorted = ranges.toSorted((a, b) => a.first - b.first || b.end - a.end);
  let end = -1;
  return sorted.filter((range) => {
    if (range.end <= end) return false;
    end = range.end;
    return true;
  });
}
