import type { BoundPlan, OwnerRef } from '../../executor/plan.ts';

const nobody: OwnerRef = { pid: 1, startTimeTicks: 1, stackStart: '1' };

export interface PlanOptions {
  readonly scope?: string;
  readonly owner?: OwnerRef;
  readonly firstPage?: number;
  readonly target?: number;
  readonly topologyGeneration?: number;
}

/** A plan of neighbouring single pages of one owner. */
export function somePlan(entries: number, options: PlanOptions = {}): BoundPlan {
  const { scope = 'tenant', owner = nobody, firstPage = 4_096, target = 0, topologyGeneration = 1 } = options;
  return {
    epoch: 1,
    scope,
    topologyGeneration,
    headroom: [],
    owners: [owner],
    owner: new Uint16Array(entries),
    space: new Uint8Array(entries),
    pageNumber: Float64Array.from({ length: entries }, (_, at) => firstPage + at),
    pages: new Uint32Array(entries).fill(1),
    target: new Uint8Array(entries).fill(target),
    priority: new Uint16Array(entries),
  };
}
