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

/** What is known of a folio's contents. */
interface Load {
  /** Regions that lie within it. */
  readonly cargo: readonly { readonly region: number; readonly offset: number }[];
  /** The region that it was only a part of. */
  readonly giver: number | undefined;
}

const UNKNOWN: Load = { cargo: [], giver: undefined };

/** A folio at the frame where a plan left it. */
export interface Landing extends Load {
  /** Row of `FrameMoves` that brought it. */
  readonly row: number;
  readonly to: number;
  readonly pages: number;
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
  { frames }: CarriedPlan,
  fate: Uint8Array,
): CarriedFolios {
  const landings = new Map<number, Landing>();
  /** Sizes of folios met so far; few. */
  const folioSizes = new Set<number>();
  const givers = new Set<number>();
  const ended: number[] = [];
  for (let row = 0; row < frames.entry.length; row++) {
    const from = frames.from[row];
    const to = frames.to[row];
    const pages = frames.pages[row];
    const load = unload(from, pages) ?? lift(from, pages);
    scrap(to, pages);
    for (const region of regionsInside(slots, known, to, to + pages)) {
      if (fate[region] !== FATE.stays) continue;
      fate[region] = FATE.gone;
      ended.push(region);
    }
    landings.set(to, { ...load, row, to, pages });
    folioSizes.add(pages);
  }
  return { landings: [...landings.values()], givers, ended };

  /** What this plan brought there before, or nothing known if that is no folio any more; undefined = nothing. */
  function unload(from: number, pages: number): Load | undefined {
    const landing = landings.get(from);
    if (landing?.pages !== pages) return scrap(from, pages) ? UNKNOWN : undefined;
    landings.delete(from);
    return landing;
  }

  /** Forgets what landed in a range: it is gone or parted. Folios are aligned to their size. */
  function scrap(first: number, pages: number): boolean {
    let some = false;
    for (const size of folioSizes) {
      for (let head = first - (first % size); head < first + pages; head += size) {
        const landing = landings.get(head);
        if (landing?.pages !== size) continue;
        for (const { region } of landing.cargo) ended.push(region);
        landings.set(head, { ...landing, ...UNKNOWN });
        some = true;
      }
    }
    return some;
  }

  /** What was there before the plan. */
  function lift(from: number, pages: number): Load {
    const cargo: { region: number; offset: number }[] = [];
    let left = pages;
    for (const region of regionsInside(slots, known, from, from + pages)) {
      if (fate[region] !== FATE.stays) continue;
      fate[region] = FATE.carried;
      cargo.push({ region, offset: slots.pageNumber[region] - from });
      left -= slots.pages[region];
    }
    const giver = left > 0 ? findAround(from, pages) : undefined;
    if (giver !== undefined) givers.add(giver);
    return { cargo, giver };
  }

  /** The smallest region around a folio. Regions lie within each other only where moves lately put them. */
  function findAround(first: number, pages: number): number | undefined {
    const { pageNumber, pages: sizes, graceEnd } = slots;
    for (let at = countBelow(known.length, first + 1, (i) => pageNumber[known[i]]) - 1; at >= 0; at--) {
      const region = known[at];
      if (fate[region] !== FATE.stays) continue;
      if (pageNumber[region] + sizes[region] >= first + pages) return region;
      if (graceEnd[region] === 0) break;
    }
    return undefined;
  }
}

/** Regions that lie entirely within a range. */
function regionsInside(
  { pageNumber, pages }: RegionSlots,
  known: Uint32Array,
  first: number,
  end: number,
): number[] {
  const inside: number[] = [];
  let at = countBelow(known.length, first, (i) => pageNumber[known[i]]);
  for (; at < known.length && pageNumber[known[at]] < end; at++)
    if (pageNumber[known[at]] + pages[known[at]] <= end) inside.push(known[at]);
  return inside;
}
