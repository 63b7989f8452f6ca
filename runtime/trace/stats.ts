import { createLivePages } from './live-pages.ts';
import type { Trace } from './trace.ts';

export interface TraceStats {
  readonly pagesLivePeak: number;
  /** Accesses recorded per live page and epoch, on average. */
  readonly accessesPerLivePage: number;
}

/** One pass over a trace, for sizing the machine that replays it. */
export function measureTrace(trace: Trace): TraceStats {
  const live = createLivePages();
  let pagesLivePeak = 0;
  let livePageEpochs = 0;
  let accesses = 0;
  for (const epoch of trace.epochs) {
    live.add(epoch.pageNumber);
    pagesLivePeak = Math.max(pagesLivePeak, live.pageNumber.length);
    livePageEpochs += live.pageNumber.length;
    for (let row = 0; row < epoch.loads.length; row++) accesses += epoch.loads[row] + epoch.stores[row];
    live.remove(epoch.freed);
  }
  return { pagesLivePeak, accessesPerLivePage: livePageEpochs === 0 ? 0 : accesses / livePageEpochs };
}
