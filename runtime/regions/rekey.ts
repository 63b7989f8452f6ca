import type { FrameMoves } from '../../executor/plan.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { EVENT } from '../contract.ts';
import { mergeRegions } from './order.ts';
import type { RecentMoves } from './recent-moves.ts';
import { countBelow } from './search.ts';
import type { RegionSlots } from './slots.ts';
import type { FrameRange } from './vacancies.ts';

/** A plan of frames that was carried out: columns by entry, and what changed its frame. */
export interface CarriedPlan {
  readonly regions: Uint32Array;
  /** Node ids. */
  readonly target: Uint8Array;
  readonly verdicts: Uint8Array;
  readonly frames: FrameMoves;
}

/** A region that went with its folio. */
interface Arrival {
  readonly region: number;
  readonly first: number;
  readonly end: number;
  readonly node: number;
}

const STAYS = 0;
const LIFTED = 1;
const ENDED = 2;

/** Node of what arrived elsewhere than at its target. */
const NODE_UNKNOWN = 255;

/**
 * Lets regions follow their contents. The moves of one plan are taken as simultaneous, since every region
 * is in it once: all that left is lifted off before anything is put down, which resolves chains.
 * `known` and the answer are regions in the order that `mergeRegions` keeps.
 */
export function rekeyRegions(
  slots: RegionSlots,
  known: Uint32Array,
  carried: CarriedPlan,
  recent: RecentMoves,
): Uint32Array {
  const fate = new Uint8Array(slots.regions);
  const arrivals = liftRegions(slots, known, carried, recent, fate);
  const landed = dropOverlaps(arrivals, recent);
  overwrite(slots, known, carried.frames, recent, fate);
  for (const { region, first, node } of landed) recent.rekey(region, first, node);
  const stays = known.filter((region) => fate[region] === STAYS);
  return mergeRegions(
    slots,
    stays,
    landed.map(({ region }) => region),
  );
}

/** Takes off what left its frames. A folio that is only part of its region leaves a credit instead. */
function liftRegions(
  slots: RegionSlots,
  known: Uint32Array,
  { regions, target, verdicts, frames }: CarriedPlan,
  recent: RecentMoves,
  fate: Uint8Array,
): Arrival[] {
  const arrivals: Arrival[] = [];
  const vacated: FrameRange[] = [];
  for (let i = 0; i < frames.entry.length; i++) {
    const entry = frames.entry[i];
    const planned = regions[entry];
    const from = frames.from[i];
    const end = from + frames.pages[i];
    if (!(slots.pages[planned] > 0) || !overlaps(slots, planned, from, end)) continue;
    vacated.push({ first: from, end });
    const whole = verdicts[entry] === VERDICT.moved;
    const node = whole ? target[entry] : NODE_UNKNOWN;
    let alone = true;
    for (const region of regionsInside(slots, known, from, end)) {
      alone = false;
      if (fate[region] !== STAYS) continue;
      const first = frames.to[i] + slots.pageNumber[region] - from;
      arrivals.push({ region, first, end: first + slots.pages[region], node });
      fate[region] = LIFTED;
    }
    if (!alone || fate[planned] === LIFTED) continue;
    recent.credits.add(planned, frames.to[i], frames.pages[i]);
    if (!whole || fate[planned] === ENDED) continue;
    vacated.push({ first: slots.pageNumber[planned], end: slots.pageNumber[planned] + slots.pages[planned] });
    recent.credits.empty(planned);
    fate[planned] = ENDED;
  }
  recent.vacate(vacated);
  return arrivals;
}

function overlaps(slots: RegionSlots, region: number, first: number, end: number): boolean {
  const start = slots.pageNumber[region];
  return start < end && start + slots.pages[region] > first;
}

/** Regions that lie entirely within a range. */
function regionsInside(slots: RegionSlots, known: Uint32Array, first: number, end: number): Uint32Array {
  const { pageNumber, pages } = slots;
  const start = countBelow(known.length, first, (at) => pageNumber[known[at]]);
  let stop = start;
  while (stop < known.length && pageNumber[known[stop]] < end) stop++;
  const begins = known.subarray(start, stop);
  return begins.every((region) => pageNumber[region] + pages[region] <= end)
    ? begins
    : begins.filter((region) => pageNumber[region] + pages[region] <= end);
}

/** Two that arrived at one place cannot both be there: one was freed meanwhile, and nobody knows which. */
function dropOverlaps(arrivals: Arrival[], recent: RecentMoves): Arrival[] {
  const sorted = arrivals.toSorted((a, b) => a.first - b.first);
  const clash = new Set<Arrival>();
  let widest: Arrival | undefined;
  for (const arrival of sorted) {
    if (widest && arrival.first < widest.end) clash.add(widest).add(arrival);
    if (!widest || arrival.end > widest.end) widest = arrival;
  }
  for (const { region } of clash) recent.end(EVENT.died, region, 0);
  return sorted.filter((arrival) => !clash.has(arrival));
}

/** What was thought to be where a folio arrived is gone: its frames now hold other contents. */
function overwrite(
  slots: RegionSlots,
  known: Uint32Array,
  { to, pages }: FrameMoves,
  recent: RecentMoves,
  fate: Uint8Array,
): void {
  for (let i = 0; i < to.length; i++) {
    for (const region of regionsInside(slots, known, to[i], to[i] + pages[i])) {
      if (fate[region] !== STAYS) continue;
      fate[region] = ENDED;
      recent.end(EVENT.died, region, 0);
    }
  }
}
