import type { FrameMoves } from '../../executor/plan.ts';
import { countBelow } from './search.ts';
import type { RegionSlots } from './slots.ts';

/** A plan of frames that was carried out: columns by entry, and what changed its frame, oldest first. */
export interface CarriedPlan {
  readonly regions: Uint32Array;
  /** Node ids. */
  readonly target: Uint8Array;
  readonly verdicts: Uint8Array;
  readonly frames: FrameMoves;
}

/** Where a region is after a plan. */
export const FATE = {
  stays: 0,
  /** With its folio, elsewhere. */
  carried: 1,
  /** Nowhere. */
  gone: 2,
} as const;

/** A folio at the frame where a plan left it, and what is known of its contents. */
export interface Landing {
  /** Row of `FrameMoves` that brought it. */
  readonly row: number;
  readonly to: number;
  readonly pages: number;
  /** Regions that lie within it. */
  readonly cargo: readonly { readonly region: number; readonly offset: number }[];
  /** The region that it was only a part of. */
  readonly giver: number | undefined;
}

export interface CarriedFolios {
  /** Where folios are in the end. */
  readonly landings: readonly Landing[];
  /** Regions of which parts left, also those whose parts are nowhere in the end. */
  readonly givers: ReadonlySet<number>;
  /** Regions whose contents are gone. */
  readonly ended: readonly number[];
}

/**
 * Carries out on paper what was carried out on the machine, move by move, so that chains come out right: what
 * lies within a folio goes with it, and what was thought to be where it arrives is gone, since its frames now
 * hold other contents. `fate` receives `FATE` by region.
 */
export function carryFolios(
  slots: RegionSlots,
  known: Uint32Array,
  { regions, frames }: CarriedPlan,
  fate: Uint8Array,
): CarriedFolios {
  const landings = new Map<number, Landing>();
  const givers = new Set<number>();
  const ended: number[] = [];
  for (let row = 0; row < frames.entry.length; row++) {
    const from = frames.from[row];
    const to = frames.to[row];
    const pages = frames.pages[row];
    const load = unload(from, pages) ?? lift(from, pages, regions[frames.entry[row]]);
    const buried = landings.get(to);
    if (buried) endCargo(buried);
    for (const region of regionsInside(slots, known, to, to + pages)) {
      if (fate[region] !== FATE.stays) continue;
      fate[region] = FATE.gone;
      ended.push(region);
    }
    landings.set(to, { ...load, row, to, pages });
  }
  return { landings: dropBroken([...landings.values()]), givers, ended };

  /** What this plan brought there before. */
  function unload(from: number, pages: number): Pick<Landing, 'cargo' | 'giver'> | undefined {
    const landing = landings.get(from);
    if (landing?.pages !== pages) return undefined;
    landings.delete(from);
    return landing;
  }

  /** What was there before the plan. */
  function lift(from: number, pages: number, planned: number): Pick<Landing, 'cargo' | 'giver'> {
    const inside = regionsInside(slots, known, from, from + pages);
    const cargo: { region: number; offset: number }[] = [];
    for (const region of inside) {
      if (fate[region] !== FATE.stays) continue;
      fate[region] = FATE.carried;
      cargo.push({ region, offset: slots.pageNumber[region] - from });
    }
    const giver = inside.length > 0 ? undefined : findAround(from, pages, planned);
    if (giver !== undefined) givers.add(giver);
    return { cargo, giver };
  }

  /** The smallest region around a folio; none of those that begin before the planned one. */
  function findAround(first: number, pages: number, planned: number): number | undefined {
    const { pageNumber, pages: sizes } = slots;
    for (let at = countBelow(known.length, first + 1, (i) => pageNumber[known[i]]) - 1; at >= 0; at--) {
      const region = known[at];
      const reaches = pageNumber[region] + sizes[region] >= first + pages;
      if (reaches && fate[region] === FATE.stays) return region;
      if (region === planned || pageNumber[region] < pageNumber[planned]) break;
    }
    return undefined;
  }

  /** Folios that a later move touched other than as a whole: nobody can say what became of their contents. */
  function dropBroken(landed: readonly Landing[]): readonly Landing[] {
    if (frames.pages.every((pages) => pages === 1)) return landed;
    const sorted = landed.toSorted((a, b) => a.to - b.to);
    const broken = new Set<Landing>();
    for (let row = 0; row < frames.entry.length; row++) {
      for (const first of [frames.from[row], frames.to[row]])
        for (const landing of landingsWithin(sorted, first, frames.pages[row]))
          if (landing.row < row) broken.add(landing);
    }
    for (const landing of broken) endCargo(landing);
    return sorted.filter((landing) => !broken.has(landing));
  }

  function endCargo({ cargo }: Landing): void {
    for (const { region } of cargo) ended.push(region);
  }
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

/** Landings that overlap a range; those that overlap each other are among them as far as they begin in it. */
function landingsWithin(sorted: readonly Landing[], first: number, pages: number): readonly Landing[] {
  const start = Math.max(0, countBelow(sorted.length, first, (at) => sorted[at].to) - 1);
  let stop = start;
  while (stop < sorted.length && sorted[stop].to < first + pages) stop++;
  return sorted.slice(start, stop).filter(({ to, pages: size }) => to + size > first);
}
