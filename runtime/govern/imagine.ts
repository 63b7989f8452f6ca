import { VERDICT } from '../../executor/verdict.ts';
import { PLACE_NONE, type Place, type Plan } from '../contract.ts';

/** A plan, and the world in which it is imagined to be carried out. */
export interface Imagined {
  readonly plan: Plan;
  /** By region: base pages. */
  readonly pages: Uint32Array;
  /** By region: where it would be. Receives what moves. */
  readonly place: Uint8Array;
  readonly places: readonly Place[];
  /** By place: pages that would be free. */
  readonly room: readonly number[];
}

export interface ImaginedOutcome {
  /** One `VERDICT` per entry, in plan order. */
  readonly verdicts: Uint8Array;
  /** Base pages that moved, by the place where they went. */
  readonly arrivedPages: readonly number[];
  /** Of them, those that went to a faster tier, and to a slower one. */
  readonly promotedPages: number;
  readonly demotedPages: number;
}

/**
 * What the executor would do with a plan, as far as a snapshot tells: departures to slower tiers first, then the
 * others, each by priority with ties by position, into room that exists by then and within what each place still
 * takes. Mappers, locks and cpusets it cannot know, so nothing is refused for them.
 */
export function imagine({ plan, pages, place, places, room: free }: Imagined): ImaginedOutcome {
  const { regions, targets } = plan;
  const room = [...free];
  const budget = places.map((each) => each.budget);
  const verdicts = Uint8Array.from(regions, (region) =>
    place[region] === PLACE_NONE ? VERDICT['not-present'] : VERDICT['in-place'],
  );
  const arrivedPages = places.map(() => 0);
  const flow = { promotedPages: 0, demotedPages: 0 };

  function move(entry: number): void {
    const region = regions[entry];
    const [from, to, size] = [place[region], targets[entry], pages[region]];
    if (room[to] < size) verdicts[entry] = VERDICT['no-room'];
    else if (budget[to] < size) verdicts[entry] = VERDICT['over-budget'];
    else {
      verdicts[entry] = VERDICT.moved;
      place[region] = to;
      room[to] -= size;
      room[from] += size;
      // One quota, shown at every place.
      budget.forEach((left, at) => (budget[at] = left - size));
      arrivedPages[to] += size;
      if (places[to].tier < places[from].tier) flow.promotedPages += size;
      if (places[to].tier > places[from].tier) flow.demotedPages += size;
    }
  }

  for (const entry of orderOf(plan, place, places)) move(entry);
  return { verdicts, arrivedPages, ...flow };
}

/**
 * Entries that wish something else than there is, as the executor's rounds take them: down from the slowest pair of
 * tiers, up from the fastest, then within a tier; each by priority.
 */
function orderOf(
  { regions, targets, priorities }: Plan,
  place: Uint8Array,
  places: readonly Place[],
): number[] {
  const entries: number[] = [];
  const rank = new Int16Array(regions.length);
  for (let entry = 0; entry < regions.length; entry++) {
    const [from, to] = [place[regions[entry]], targets[entry]];
    if (from === PLACE_NONE || from === to) continue;
    rank[entry] = rankOf(places[from].tier, places[to].tier);
    entries.push(entry);
  }
  return entries.sort((a, b) => rank[a] - rank[b] || (priorities[b] ?? 0) - (priorities[a] ?? 0) || a - b);
}

const TIERS_MAX = 256;

function rankOf(fromTier: number, toTier: number): number {
  if (toTier > fromTier) return -fromTier;
  return toTier < fromTier ? fromTier : TIERS_MAX;
}
