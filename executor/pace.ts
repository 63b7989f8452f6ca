import { BOUNDS } from './limits.ts';

/** Moved base pages after which an older call counts half in the mean move cost. */
const HALF_LIFE_PAGES = 4_096;

/** Moved base pages below which no mean is given. */
const MEASURED_PAGES_MIN = 512;

/** Time after the last call for which its cost is still told. */
const MEASURED_FOR_MS = 60_000;

/** What moving into each node costs, learnt from the calls made, and the batch size that follows from it. */
export interface Pace {
  /** Base pages to put into the next call to this node. */
  batchPages(node: number): number;
  /** Mean time per base page of the recent moves into this node; 0 = too few measured, or too long ago. */
  moveCostNs(node: number): number;
  record(node: number, askedPages: number, movedPages: number, ns: number): void;
}

/**
 * While move_pages runs, LRU caches are off machine-wide, so every CPU pays for a long call and many short
 * calls pay the entry often: batches aim at a duration. They at most double from call to call, so that one
 * cheap call (all pages in place) does not make the next one endless. The mean cost weighs calls by their
 * pages: entering a call costs as much as moving hundreds of them, so the price of a lone page would tell
 * policies that no move ever pays, and no further move would correct it. For the same reason a cost measured
 * in a busy spell is told no more once nothing has confirmed it for a while.
 */
export function createPace(callLatencyTargetMs: number, nowMs: () => number): Pace {
  const targetNs = callLatencyTargetMs * 1e6;
  const batch = new Float64Array(256).fill(BOUNDS.batchPagesStart);
  const recentNs = new Float64Array(256);
  const recentPages = new Float64Array(256);
  const measuredAtMs = new Float64Array(256);

  function isTold(node: number): boolean {
    return recentPages[node] >= MEASURED_PAGES_MIN && nowMs() - measuredAtMs[node] <= MEASURED_FOR_MS;
  }

  return {
    batchPages: (node) => batch[node],
    moveCostNs: (node) => (isTold(node) ? recentNs[node] / recentPages[node] : 0),
    record(node, askedPages, movedPages, ns) {
      const fitting = Math.floor(targetNs / (Math.max(ns, 1) / askedPages));
      const next = Math.min(fitting, batch[node] * 2);
      batch[node] = Math.min(BOUNDS.batchPagesMax, Math.max(BOUNDS.batchPagesMin, next));
      if (movedPages === 0) return;
      const kept = 2 ** (-movedPages / HALF_LIFE_PAGES);
      recentNs[node] = recentNs[node] * kept + ns;
      recentPages[node] = recentPages[node] * kept + movedPages;
      measuredAtMs[node] = nowMs();
    },
  };
}
