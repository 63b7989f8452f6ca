import { countBelow } from './search.ts';

/** Frames that our own moves emptied, for as long as a sample may still list them from before. */
export interface Vacancies {
  /** Ranges that one plan emptied; believed empty up to and including sample `until`. */
  add(ranges: readonly FrameRange[], until: number): void;
  /** Whether all of a range was emptied, as far as sample `sample` may not know yet. */
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
      if (ranges.length > 0) batches.push({ ranges: unite(ranges), until });
    },
    cover(first, pages) {
      let covered = first;
      for (let end = first; covered < first + pages; covered = end) {
        end = Math.max(...batches.map((batch) => endAround(batch, covered)));
        if (!(end > covered)) return false;
      }
      return true;
    },
    expire(sample) {
      batches = batches.filter(({ until }) => until >= sample);
    },
  };
}

/** Where the range around a frame ends; the frame itself if there is none. */
function endAround({ ranges }: Batch, frame: number): number {
  const range = ranges[countBelow(ranges.length, frame + 1, (at) => ranges[at].first) - 1];
  return range ? Math.max(range.end, frame) : frame;
}

/** Sorted, and made one where they touch. */
function unite(ranges: readonly FrameRange[]): FrameRange[] {
  const united: FrameRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const last = united.at(-1);
    if (!last || range.first > last.end) united.push(range);
    else if (range.end > last.end) united[united.length - 1] = { first: last.first, end: range.end };
  }
  return united;
}
