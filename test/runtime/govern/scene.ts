import type { NodeBudget, Outcome } from '../../../executor/plan.ts';
import { NO_FRAME_MOVES } from '../../../executor/plan.ts';
import { EVENT, PLACE_NONE, type Place, type Snapshot } from '../../../runtime/contract.ts';

export interface SceneRegion {
  /** undefined = in none. */
  readonly place?: number;
  readonly pages?: number;
  readonly accesses?: number;
}

export interface SceneEpoch {
  readonly regions: readonly SceneRegion[];
  /** Free pages by place. */
  readonly room?: readonly number[];
  readonly events?: readonly (readonly [kind: keyof typeof EVENT, region: number, other?: number])[];
}

const LATENCY_NS = [100, 250, 600];

/** An epoch as a ledger sees it: places are tiers 0, 1, 2. */
export function epochOf(
  { regions, room = [0, 1000, 1000], events = [] }: SceneEpoch,
  latencyNs = LATENCY_NS,
): Snapshot {
  const places = room.map((pages, tier): Place => ({
    ...{ tier, kind: 0, state: 0, capacity: 10_000, room: pages, budget: pages, bandwidthMib: 0 },
    latencyNs: latencyNs[tier],
  }));
  return {
    number: 1,
    lengthMs: 1,
    regions: regions.length,
    owners: 1,
    samplingPeriod: 10,
    places,
    metrics: [],
    events: {
      kinds: Uint8Array.from(events, ([kind]) => EVENT[kind]),
      regions: Uint32Array.from(events, ([, region]) => region),
      others: Uint32Array.from(events, ([, , other = 0]) => other),
    },
    columns: {
      accesses: Uint32Array.from(regions, ({ accesses = 1 }) => accesses),
      pages: Uint32Array.from(regions, ({ pages = 1 }) => pages),
      place: Uint8Array.from(regions, ({ place = PLACE_NONE }) => place),
    },
  };
}

export function nodesOf({ places }: Snapshot, ids = places.map((_, i) => i), moveCostNs = 0): NodeBudget[] {
  return places.map(({ tier, capacity, room, budget, latencyNs, bandwidthMib }, i) => ({
    ...{ node: ids[i], tier, hasCpus: true, capacity, room, budget, latencyNs, bandwidthMib, moveCostNs },
  }));
}

export function outcomeOf(verdicts: readonly number[], flows: Outcome['flows'] = []): Outcome {
  return {
    ...{ epoch: 1, verdicts: Uint8Array.from(verdicts), movedPages: new Uint32Array(verdicts.length) },
    ...{ flows, frames: NO_FRAME_MOVES, calls: 1, callNs: 1 },
  };
}
