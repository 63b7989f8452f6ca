import { BOUNDS } from './limits.ts';

/** Weight of the newest call in the running mean of the move cost. */
const NEWEST_WEIGHT = 0.25;

/** What moving into each node costs, learnt from the calls made, and the batch size that follows from it. */
export interface Pace {
  /** Base pages to put into the next call to this node. */
  batchPages(node: number): number;
  /** Mean time per base page moved into this node; 0 = none measured. */
  moveCostNs(node: number): number;
  record(node: number, askedPages: number, movedPages: number, ns: number): void;
}

/**
 * While move_pages runs, LRU caches are off machine-wide, so every CPU pays for a long call and many short
 * calls pay the entry often: batches aim at a duration. They at most double from call to call, so that one
 * cheap call (all pages in place) does not make the next one endless.
 */
export function createPace(callLatencyTargetMs: number): Pace {
  const targetNs = callLatencyTargetMs * 1e6;
  const batch = new Float64Array(256).fill(BOUNDS.batchPagesStart);
  const cost = new Float64Array(256);
  return {
    batchPages: (node) => batch[node],
    moveCostNs: (node) => cost[node],
    record(node, askedPages, movedPages, ns) {
      const fitting = Math.floor(targetNs / (Math.max(ns, 1) / askedPages));
      const next = Math.min(fitting, batch[node] * 2);
      batch[node] = Math.min(BOUNDS.batchPagesMax, Math.max(BOUNDS.batchPagesMin, next));
      if (movedPages === 0) return;
      const newest = ns / movedPages;
      cost[node] = cost[node] === 0 ? newest : cost[node] + NEWEST_WEIGHT * (newest - cost[node]);
    },
  };
}
