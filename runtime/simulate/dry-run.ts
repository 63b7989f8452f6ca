import { createExecutor } from '../../executor/create-executor.ts';
import { createSimulatedMachine } from '../../executor/kernel-simulated.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { Outcome } from '../../executor/plan.ts';
import { isRejection } from '../../executor/verdict.ts';
import type { CostModel } from '../cost-model.ts';
import { createEngine, type EngineOptions, type StepReport } from '../engine.ts';
import { createTraceSource } from '../trace/trace-source.ts';
import { measureTrace } from '../trace/stats.ts';
import type { Trace } from '../trace/trace.ts';
import { createCostMeter, type CostTotals } from './cost.ts';
import { createRandom } from './random.ts';

export const FAST_NODE = 0;
export const SLOW_NODE = 1;
const SCOPE = 'replay';

export interface DryRunOptions extends Pick<EngineOptions, 'policy' | 'lastGood' | 'limits' | 'decisions'> {
  readonly trace: Trace;
  readonly seed: number;
  readonly cost: CostModel;
  /** Size of the fast node as a share of the most pages live at once. */
  readonly fastShare: number;
  readonly samplingPeriod: number;
  /** Recorded counts are scaled to this mean per live page and epoch; 0 = as recorded. */
  readonly accessesPerLivePage: number;
}

export const DRY_RUN_DEFAULTS = {
  seed: 1,
  fastShare: 0.25,
  samplingPeriod: 50,
  accessesPerLivePage: 100,
} as const;

export interface DryRunTotals extends CostTotals {
  /** Base pages. */
  readonly moved: number;
  readonly promoted: number;
  readonly demoted: number;
  /** Plan entries refused. */
  readonly rejected: number;
  /** Epochs that ended with a fault. */
  readonly failed: number;
  /** Epochs that the policy itself did not decide, since it had failed or done harm before. */
  readonly stoodIn: number;
}

/** One policy on one simulated machine, driven by a trace through the same engine and executor as live. */
export interface DryRun {
  readonly epochs: number;
  /** The next epoch, or undefined after the last. */
  step(): Promise<StepReport | undefined>;
  totals(): DryRunTotals;
  close(): Promise<void>;
}

export function createDryRun(options: DryRunOptions): DryRun {
  const { trace, cost, samplingPeriod } = options;
  const stats = measureTrace(trace);
  const fastPages = Math.max(1, Math.floor(stats.pagesLivePeak * options.fastShare));
  const machine = createMachine(options, fastPages, stats.pagesLivePeak);
  const owner = machine.spawn();
  const meter = createCostMeter(cost);
  const countScale =
    options.accessesPerLivePage > 0 ? options.accessesPerLivePage / stats.accessesPerLivePage : 1;
  const source = createTraceSource({
    trace,
    memory: {
      owner,
      touch: (pageNumber) => machine.touchMany(owner, pageNumber),
      free: ({ pageNumber, pages }) => machine.free(owner, pageNumber, pages),
      nodesOf: (pageNumber) => Uint8Array.from(machine.nodesOf(owner, pageNumber)),
    },
    meter,
    random: createRandom(options.seed),
    samplingPeriod,
    countScale,
    epochLengthMs: 1000,
  });
  const executor = createExecutor({
    kernel: machine.kernel,
    limits: createLimits(fastPages),
    journal: { append: () => ({ ok: true, value: undefined }), close() {} },
    clock: { nowMs: () => 0 },
  });
  const engine = createEngine({ ...options, source, executor, scope: SCOPE, model: cost });
  const counts = { moved: 0, promoted: 0, demoted: 0, rejected: 0, failed: 0, stoodIn: 0 };

  function count(outcome: Outcome): void {
    meter.addMoves(outcome.flows);
    for (const { from, to, pages } of outcome.flows) {
      counts.moved += pages;
      if (to < from) counts.promoted += pages;
      else counts.demoted += pages;
    }
    for (const verdict of outcome.verdicts) if (isRejection(verdict)) counts.rejected++;
  }

  return {
    epochs: trace.epochs.length,
    async step() {
      const report = await engine.step();
      if (report.fault?.code === 'source-exhausted') return undefined;
      if (report.outcome) count(report.outcome);
      if (report.fault) counts.failed++;
      if (report.duty.rung !== 'chosen') counts.stoodIn++;
      return report;
    },
    totals: () => ({ ...meter.totals(), ...counts }),
    close: () => engine.close(),
  };
}

function createMachine({ seed, cost }: DryRunOptions, fastPages: number, pagesLivePeak: number) {
  const node = (id: number, capacityPages: number) => ({
    node: id,
    tier: id,
    hasCpus: id === FAST_NODE,
    capacityPages,
    latencyNs: cost.latencyNs[id],
    bandwidthMib: 0,
  });
  return createSimulatedMachine({
    nodes: [node(FAST_NODE, fastPages), node(SLOW_NODE, pagesLivePeak)],
    moveCostNs: cost.moveCostNs,
    seed,
  });
}

/** An eighth of the fast node in, as much out, an epoch. */
function createLimits(fastPages: number) {
  const limits = parseLimits({
    scopes: {
      [SCOPE]: {
        members: { kind: 'uid', uid: 0 },
        nodes: { [FAST_NODE]: {}, [SLOW_NODE]: {} },
        pagesPerEpochMax: 2 * (Math.floor(fastPages / 8) + 1),
      },
    },
    headroomPagesMax: fastPages,
    backends: ['move_pages'],
    callLatencyTargetMs: 20,
    journal: { bytesMax: 65_536 },
  });
  if (!limits.ok) throw new Error(limits.message);
  return limits.value;
}
