/**
 * Parameters of a modelled machine; the defaults are the anchors that docs/cost-model.md explains.
 * Only ratios of the results mean anything.
 */
export interface CostModel {
  /** Access latency by tier, ns. */
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

/** Time besides memory per access, so that memory is `memoryBoundShare` of the all-fast time. */
export function computeNsPerAccess({ memoryBoundShare }: CostModel, fastestNs: number): number {
  return (fastestNs * (1 - memoryBoundShare)) / memoryBoundShare;
}
