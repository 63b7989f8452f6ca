import { setTimeout as sleep } from 'node:timers/promises';
import type { Executor } from '../../../executor/executor.ts';
import type { Outcome, OwnerRef } from '../../../executor/plan.ts';
import type { Reporter } from './reporter.ts';
import { compareOutcome, placeKey } from './comparison.ts';
import type { Comparison, Placement } from './comparison.ts';
import { startKinds } from './memory.ts';
import type { KindsProcess, Memory } from './memory.ts';
import { migratedPages } from './truth.ts';
import { bindWishes } from './wish.ts';
import type { Wish } from './wish.ts';

export const CGROUP = '/workload';
export const SCOPE = 'workload';
const POLL_MS = 2;

/** What every case of the exact scenario works with. */
export interface ExactContext {
  readonly report: Reporter;
  /** A process of its own per case, so that cases do not see each other's memory. */
  start(cgroup?: string): Promise<KindsProcess>;
  submit(wishes: readonly Wish[]): Promise<Outcome>;
  /** Submits and holds the outcome against the placement before and after. */
  compare(name: string, memories: readonly Memory[], wishes: readonly Wish[]): Promise<Comparison>;
  /** Moves the memory by the bare system call and reports how far its answer was from the truth. */
  compareRaw(name: string, memory: Memory, target: number): Promise<void>;
  finish(): Promise<void>;
}

export async function placementOf(memories: readonly Memory[]): Promise<Placement> {
  const placement = new Map<string, number>();
  for (const { process, page, nodes } of memories)
    (await nodes()).forEach((node, i) => placement.set(placeKey(process.owner.pid, page + i), node));
  return placement;
}

/** Waits until the machine has migrated so many pages more: the sign that a plan is under way. */
export async function waitForMigrations(pages: number, since = migratedPages()): Promise<void> {
  while (migratedPages() - since < pages) await sleep(POLL_MS);
}

export function createExactContext(executor: Executor, report: Reporter): ExactContext {
  const processes: KindsProcess[] = [];
  let epoch = 0;

  const submit = async (wishes: readonly Wish[]): Promise<Outcome> => {
    const budgets = await executor.budgets(SCOPE);
    if (!budgets.ok) throw new Error(`budgets: ${budgets.code}: ${budgets.message}`);
    const { topologyGeneration } = budgets.value;
    const outcome = await executor.submit(
      bindWishes(wishes, { epoch: ++epoch, scope: SCOPE, topologyGeneration }),
    );
    if (!outcome.ok) throw new Error(`submit: ${outcome.code}: ${outcome.message}`);
    return outcome.value;
  };

  return {
    report,
    submit,
    start: async (cgroup = CGROUP) => {
      const process = await startKinds(cgroup);
      processes.push(process);
      return process;
    },
    compare: async (name, memories, wishes) => {
      for (const memory of memories) await memory.stamp();
      const before = await placementOf(memories);
      const migratedBefore = migratedPages();
      const outcome = await submit(wishes);
      const migrated = migratedPages() - migratedBefore;
      const found = compareOutcome(outcome, wishes, before, await placementOf(memories));
      reportComparison(report, name, found);
      report.fact(`${name}.migratedBeyond`, migrated - found.trueMovedPages);
      report.note(`${name} took`, { calls: outcome.calls, callMs: Math.round(outcome.callNs / 1e6) });
      let bad = 0;
      for (const memory of memories) bad += await memory.badPages();
      report.fact(`${name}.badPages`, bad);
      return found;
    },
    compareRaw: async (name, memory, target) => {
      const before = await memory.nodes();
      const { returned, errno, status } = await memory.rawMove(target);
      const after = await memory.nodes();
      const moved = after.filter((node, i) => node === target && before[i] !== target).length;
      const lies = after.filter((node, i) => (node === target) !== (status[i] === target)).length;
      report.note(`${name}.raw`, {
        returned,
        errno,
        claimed: status.filter((node) => node === target).length,
      });
      report.fact(`${name}.raw.movedPages`, moved);
      report.fact(`${name}.raw.falsePages`, lies);
    },
    finish: async () => {
      for (const { workload } of processes.splice(0)) await workload.kill();
    },
  };
}

export function reportComparison(report: Reporter, name: string, found: Comparison): void {
  const { verdicts, ...counts } = found;
  for (const [key, value] of Object.entries(counts)) report.fact(`${name}.${key}`, value);
  for (const [verdict, count] of Object.entries(verdicts)) report.fact(`${name}.${verdict}`, count);
}

/** Whoever had the pid before: a plan that outlived its process names it so. */
export function predecessorOf({ owner }: KindsProcess): OwnerRef {
  return { ...owner, startTimeTicks: owner.startTimeTicks - 1 };
}
