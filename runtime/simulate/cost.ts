import type { Flow } from '../../executor/plan.ts';

/**
 * Parameters of the modelled machine; the defaults are the anchors that docs/cost-model.md explains.
 * Only ratios of the results mean anything.
 */
export interface CostModel {
  /** Access latency by node id, ns. */
  readonly latencyNs: readonly number[];
  /** Share of its time the program spends waiting for memory when all of it is fast. */
  readonly memoryBoundShare: number;
  /** Moving one base page either way, ns. */
  readonly moveCostNs: number;
}

export const DEFAULT_COST_MODEL: CostModel = {
  latencyNs: [100, 250],
  memoryBoundShare: 0.6,
  moveCostNs: 3000,
};

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
  /** Time besides memory per access, so that memory is `memoryBoundShare` of the all-fast time. */
  const computeNs = (fastestNs * (1 - model.memoryBoundShare)) / model.memoryBoundShare;
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
