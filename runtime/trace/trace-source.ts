import { SPACE, type OwnerRef } from '../../executor/plan.ts';
import { failure, success } from '../../executor/result.ts';
import type { CostMeter } from '../simulate/cost.ts';
import type { Random } from '../simulate/random.ts';
import type { Sample, TelemetrySource } from '../telemetry/source.ts';
import { createLivePages } from './live-pages.ts';
import type { FreedRange, Trace, TraceEpoch } from './trace.ts';

/** The memory of the machine on which a trace is replayed, as far as the replay touches it. */
export interface TracedMemory {
  readonly owner: OwnerRef;
  /** Pages touched for the first time get a frame. */
  touch(pageNumber: Float64Array): void;
  free(range: FreedRange): void;
  /** Node id per page. */
  nodesOf(pageNumber: Float64Array): Uint8Array;
}

export interface TraceSourceOptions {
  readonly trace: Trace;
  readonly memory: TracedMemory;
  /** Told of every true access and where its page was. */
  readonly meter: CostMeter;
  readonly random: Random;
  /** One sample stands for this many accesses. */
  readonly samplingPeriod: number;
  /** Recorded counts are multiplied by this. */
  readonly countScale: number;
  readonly epochLengthMs: number;
}

/**
 * Replays a trace on simulated memory: each `next` touches what the program touched, charges the meter
 * for where those pages were, and answers what a sampling sensor would have seen: Poisson counts.
 */
export function createTraceSource(options: TraceSourceOptions): TelemetrySource {
  const { trace, memory, samplingPeriod, epochLengthMs } = options;
  const live = createLivePages();
  let at = 0;

  return {
    async next() {
      const epoch = trace.epochs[at++];
      if (!epoch) return failure('source-exhausted', `the trace ends after ${trace.epochs.length} epochs`);
      replay(epoch, options);
      live.add(epoch.pageNumber);
      live.remove(epoch.freed);
      const rows = sampleRows(epoch, live.pageNumber, options);
      return success({
        lengthMs: epochLengthMs,
        samplingPeriod,
        space: SPACE.virtual,
        owners: [memory.owner],
        rows,
      });
    },
    async close() {},
  };
}

function replay(epoch: TraceEpoch, { memory, meter, countScale }: TraceSourceOptions): void {
  memory.touch(epoch.pageNumber);
  const nodes = memory.nodesOf(epoch.pageNumber);
  for (let row = 0; row < nodes.length; row++) {
    meter.addAccesses(nodes[row], (epoch.loads[row] + epoch.stores[row]) * countScale);
  }
  for (const range of epoch.freed) memory.free(range);
}

/** A row per live page; untouched ones too, for a page nobody touches is news as well. */
function sampleRows(epoch: TraceEpoch, live: Float64Array, options: TraceSourceOptions): Sample['rows'] {
  const count = live.length;
  const accesses = new Uint32Array(count);
  const writes = new Uint32Array(count);
  const rate = options.countScale / options.samplingPeriod;
  for (let row = 0, at = 0; row < count; row++) {
    while (at < epoch.pageNumber.length && epoch.pageNumber[at] < live[row]) at++;
    if (epoch.pageNumber[at] !== live[row]) continue;
    const written = options.random.poisson(epoch.stores[at] * rate);
    writes[row] = written;
    accesses[row] = options.random.poisson(epoch.loads[at] * rate) + written;
  }
  return {
    owner: new Uint16Array(count),
    pageNumber: live,
    pages: new Uint32Array(count).fill(1),
    node: options.memory.nodesOf(live),
    accesses,
    writes,
    flags: new Uint8Array(count),
    coverage: new Uint8Array(count).fill(255),
  };
}
