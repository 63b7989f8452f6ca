import { VERDICT } from '../../executor/verdict.ts';
import { EVENT } from '../contract.ts';
import { carryFolios, FATE, type CarriedPlan, type Landing } from './carry-folios.ts';
import { mergeRegions } from './order.ts';
import type { RecentMoves } from './recent-moves.ts';
import type { RegionSlots } from './slots.ts';

/** Node of what arrived elsewhere than at its target. */
const NODE_UNKNOWN = 255;

/**
 * Lets regions follow their contents. `known` and the answer are regions in the order that `mergeRegions`
 * keeps.
 */
export function rekeyRegions(
  slots: RegionSlots,
  known: Uint32Array,
  plan: CarriedPlan,
  recent: RecentMoves,
): Uint32Array {
  const fate = new Uint8Array(slots.regions);
  const { landings, givers, ended } = carryFolios(slots, known, plan, fate);
  vacate(slots, plan, givers, recent, fate);
  const arrived = putDown(plan, landings, recent);
  // Last, since what gave something away may end only after that is told.
  for (const region of ended) recent.end(EVENT.died, region, 0);
  return mergeRegions(slots, listStaying(known, fate), arrived);
}

function listStaying(known: Uint32Array, fate: Uint8Array): Uint32Array {
  const stays = new Uint32Array(known.length);
  let count = 0;
  for (let at = 0; at < known.length; at++) if (fate[known[at]] === FATE.stays) stays[count++] = known[at];
  return stays.subarray(0, count);
}

/** Blocks that gave all they had end; what was left behind may still be listed for a while. */
function vacate(
  slots: RegionSlots,
  { regions, verdicts, frames }: CarriedPlan,
  givers: ReadonlySet<number>,
  recent: RecentMoves,
  fate: Uint8Array,
): void {
  const vacated = Array.from(frames.from, (first, i) => ({ first, end: first + frames.pages[i] }));
  for (let i = 0; i < frames.entry.length; i++) {
    const entry = frames.entry[i];
    const region = regions[entry];
    const whole = verdicts[entry] === VERDICT.moved && givers.has(region);
    if (!whole || fate[region] !== FATE.stays) continue;
    vacated.push({ first: slots.pageNumber[region], end: slots.pageNumber[region] + slots.pages[region] });
    recent.credits.empty(region);
    fate[region] = FATE.gone;
  }
  recent.vacate(vacated);
}

function putDown(
  { target, verdicts, frames }: CarriedPlan,
  landings: readonly Landing[],
  recent: RecentMoves,
): number[] {
  const arrived: number[] = [];
  for (const { row, to, pages, cargo, giver } of landings) {
    const entry = frames.entry[row];
    const node = verdicts[entry] === VERDICT.moved ? target[entry] : NODE_UNKNOWN;
    for (const { region, offset } of cargo) {
      recent.rekey(region, to + offset, node);
      arrived.push(region);
    }
    if (giver !== undefined) recent.credits.add(giver, to, pages);
  }
  return arrived;
}
