import type { Flow } from '../../executor/plan.ts';
import { computeNsPerAccess, type CostModel } from '../cost-model.ts';

/** What a run cost on the modelled machine so far. */
export interface CostTotals {
  /** Share of accesses served by node 0; 1 while there was none. */
  readonly fastTierHitRatio: number;
  /** Time with these placements and moves over time with everything on node 0 and no moves. */
  readonly slowdown: number;
}

/** Adds up true accesses (not samples) and moves. */
export interface CostMeter {
  addAccesses(node: number, count: number): void;
  addMoves(flows: readonly Flow[]): void;
  totals(): CostTotals;
}

export function createCostMeter(model: CostModel): CostMeter {
  const fastestNs = model.latencyNs[0];
  const computeNs = computeNsPerAccess(model, fastestNs);
  let accesses = 0;
  let fastAccesses = 0;
  let memoryNs = 0;
  let moveNs = 0;
  return {
    addAccesses(node, count) {
      accesses += count;
      if (node === 0) fastAccesses += count;
      memoryNs += count * model.latencyNs[node];
    },
    addMoves(flows) {
      for (const { pages } of flows) moveNs += pages * model.moveCostNs;
    },
    totals() {
      if (accesses === 0) return { fastTierHitRatio: 1, slowdown: 1 };
      const allFastNs = accesses * (computeNs + fastestNs);
      return {
        fastTierHitRatio: fastAccesses / accesses,
        slowdown: (accesses * computeNs + memoryNs + moveNs) / allFastNs,
      };
    },
  };
}
