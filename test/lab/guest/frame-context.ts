import type { Executor } from '../../../executor/executor.ts';
import type { Outcome, PlanFault } from '../../../executor/plan.ts';
import type { Result } from '../../../executor/result.ts';
import { reportComparison } from './exact-context.ts';
import { compareFrames, viewFrames } from './frame-comparison.ts';
import type { FrameView } from './frame-comparison.ts';
import { bindFrameWishes } from './frame-wish.ts';
import type { FrameWish } from './frame-wish.ts';
import { startKinds } from './memory.ts';
import type { KindsProcess, Memory } from './memory.ts';
import type { Reporter } from './reporter.ts';
import { demand } from './services.ts';
import { migratedPages } from './truth.ts';

/** Which limits a plan is carried out under: as little as possible is allowed, or as much. */
export type Leave = 'strict' | 'lenient';

export interface CompareOptions {
  readonly scope?: string;
  readonly leave?: Leave;
  /** The contents are written by the case itself, since writing would end what it is about. */
  readonly seed?: number;
}

/** What every case about physical plans works with. */
export interface FrameContext {
  readonly report: Reporter;
  start(cgroup?: string): Promise<KindsProcess>;
  /** Base pages that may come to a node in the coming epoch. */
  room(node: number): Promise<number>;
  submit(wishes: readonly FrameWish[], options?: CompareOptions): Promise<Outcome>;
  /** With budgets asked for beforehand, and what happens between these and the plan. */
  submitAfter(wishes: readonly FrameWish[], between: () => void): Promise<Result<Outcome, PlanFault>>;
  /** Holds the outcome against two views and reports what it found. */
  judge(
    name: string,
    outcome: Outcome,
    wishes: readonly FrameWish[],
    before: FrameView,
    after: FrameView,
  ): number;
  /** Submits, judges, and checks that nothing else moved and contents are whole. */
  compare(
    name: string,
    memories: readonly Memory[],
    wishes: readonly FrameWish[],
    options?: CompareOptions,
  ): Promise<void>;
  finish(): Promise<void>;
}

export function createFrameContext(
  executors: Readonly<Record<Leave, Executor>>,
  report: Reporter,
  home: { readonly cgroup: string; readonly scope: string },
): FrameContext {
  const processes: KindsProcess[] = [];
  let epoch = 0;

  const submitAfter = async (
    wishes: readonly FrameWish[],
    between: () => void,
    { scope = home.scope, leave = 'strict' }: CompareOptions = {},
  ): Promise<Result<Outcome, PlanFault>> => {
    const { topologyGeneration } = demand(await executors[leave].budgets(scope));
    between();
    return executors[leave].submit(bindFrameWishes(wishes, { epoch: ++epoch, scope, topologyGeneration }));
  };
  const submit: FrameContext['submit'] = async (wishes, options) =>
    demand(await submitAfter(wishes, () => {}, options));
  const judge: FrameContext['judge'] = (name, outcome, wishes, before, after) => {
    const found = compareFrames(outcome, wishes, before, after);
    reportComparison(report, name, found);
    report.note(`${name} took`, { calls: outcome.calls, callMs: Math.round(outcome.callNs / 1e6) });
    return found.trueMovedPages;
  };

  return {
    report,
    room: async (node) => {
      const { nodes } = demand(await executors.strict.budgets(home.scope));
      return nodes.find((each) => each.node === node)?.room ?? 0;
    },
    submit,
    submitAfter,
    judge,
    start: async (cgroup = home.cgroup) => {
      const process = await startKinds(cgroup);
      processes.push(process);
      return process;
    },
    compare: async (name, memories, wishes, options = {}) => {
      if (options.seed === undefined) for (const memory of memories) await memory.stamp();
      const before = await viewFrames(memories);
      const migratedBefore = migratedPages();
      const outcome = await submit(wishes, options);
      const migrated = migratedPages() - migratedBefore;
      const moved = judge(name, outcome, wishes, before, await viewFrames(memories));
      report.fact(`${name}.migratedBeyond`, migrated - moved);
      let bad = 0;
      for (const memory of memories) bad += await memory.badPages(options.seed);
      report.fact(`${name}.badPages`, bad);
    },
    finish: async () => {
      for (const { workload } of processes.splice(0)) await workload.kill();
    },
  };
}
