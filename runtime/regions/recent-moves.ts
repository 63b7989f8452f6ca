import type { EventLog } from '../event-log.ts';
import { unseenSamplesMax } from '../limits.ts';
import type { SampleRows } from '../telemetry/source.ts';
import { createCredits, endRegion, type Credits } from './credits.ts';
import { countBelow } from './search.ts';
import type { RegionSlots } from './slots.ts';
import { createVacancies, type FrameRange, type Vacancies } from './vacancies.ts';

/**
 * What our own moves mean for the samples that follow. A source may list frames it discovered a while ago,
 * so the next samples may still show what we emptied and not yet show what we filled.
 */
export interface RecentMoves {
  readonly credits: Credits;
  /** Whether the sample need not show the region. */
  excuses(region: number): boolean;
  /** Whether a row that nobody looked at lies where a move of ours left nothing. */
  vacated(first: number, pages: number): boolean;
  /** Ends a region, now or, if it gave contents away, once that is told. */
  end(kind: number, region: number, survivor: number): void;
  /** The region is now at `first`, on `node`, and excused for the next `unseenSamplesMax` samples. */
  rekey(region: number, first: number, node: number): void;
  vacate(ranges: readonly FrameRange[]): void;
  /** A sample begins. */
  begin(): void;
  /** A sample has been taken over: whom it looked at needs no excuse any more. */
  finish(rows: SampleRows, rowRegion: Uint32Array): void;
}

export function createRecentMoves(slots: RegionSlots, events: EventLog): RecentMoves {
  const credits = createCredits();
  const vacancies: Vacancies = createVacancies();
  let unsettled: number[] = [];
  let sample = 0;

  return {
    credits,
    excuses: (region) => slots.graceEnd[region] >= sample,
    vacated: (first, pages) => vacancies.cover(first, pages),
    end(kind, region, survivor) {
      if (credits.gives(region)) credits.postpone(kind, region, survivor);
      else endRegion(slots, events, kind, region, survivor);
    },
    rekey(region, first, node) {
      slots.pageNumber[region] = first;
      slots.node[region] = node;
      if (slots.graceEnd[region] === 0) unsettled.push(region);
      slots.graceEnd[region] = sample + unseenSamplesMax - 1;
    },
    vacate: (ranges) => vacancies.add(ranges, sample + unseenSamplesMax - 1),
    begin() {
      sample++;
      vacancies.expire(sample);
    },
    finish(rows, rowRegion) {
      unsettled = unsettled.filter((region) => {
        if (slots.graceEnd[region] === 0) return false;
        const first = slots.pageNumber[region];
        const row = countBelow(rows.pageNumber.length, first, (at) => rows.pageNumber[at]);
        const seen = rowRegion[row] === region && rows.coverage[row] > 0;
        if (seen || slots.graceEnd[region] < sample) slots.graceEnd[region] = 0;
        return slots.graceEnd[region] > 0;
      });
    },
  };
}
