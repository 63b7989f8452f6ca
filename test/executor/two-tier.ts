import { type Clock, createExecutor } from '../../executor/create-executor.ts';
import type { Executor } from '../../executor/executor.ts';
import { type Journal, type MemoryJournal, createMemoryJournal } from '../../executor/journal.ts';
import {
  type SimulatedMachine,
  type SimulatedMachineOptions,
  createSimulatedMachine,
} from '../../executor/kernel-simulated.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { BoundPlan, Outcome, OwnerRef, PlanFault } from '../../executor/plan.ts';
import type { Result } from '../../executor/result.ts';
import { verdictName } from '../../executor/verdict.ts';

export interface Entry {
  readonly owner?: OwnerRef;
  readonly page: number;
  readonly pages?: number;
  readonly target: number;
  readonly priority?: number;
}

export interface TwoTier {
  readonly machine: SimulatedMachine;
  readonly owner: OwnerRef;
  readonly executor: Executor;
  readonly journal: MemoryJournal;
  plan(entries: readonly Entry[], changes?: Partial<BoundPlan>): BoundPlan;
  submit(entries: readonly Entry[], changes?: Partial<BoundPlan>): Promise<Seen>;
}

/** An outcome in words. */
export interface Seen {
  readonly verdicts: readonly string[];
  readonly movedPages: readonly number[];
  readonly outcome: Outcome;
}

export interface TwoTierOptions {
  readonly machine?: Partial<SimulatedMachineOptions>;
  /** Merged over the limits file's top level. */
  readonly limits?: Record<string, unknown>;
  readonly scope?: Record<string, unknown>;
  readonly journal?: Journal;
  readonly clock?: Clock;
}

/** Node 0 fast with 1,000 pages, node 1 slow with 4,000, and one process in the scope `all`. */
export function createTwoTier(options: TwoTierOptions = {}): TwoTier {
  const machine = createSimulatedMachine({
    nodes: [
      { node: 0, tier: 0, hasCpus: true, capacityPages: 1_000, latencyNs: 90, bandwidthMib: 20_000 },
      { node: 1, tier: 1, hasCpus: false, capacityPages: 4_000, latencyNs: 250, bandwidthMib: 8_000 },
    ],
    ...options.machine,
  });
  const members = { kind: 'cgroup', path: '/' };
  const scope = { members, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 100_000, ...options.scope };
  const limits = expectValue(parseLimits({ scopes: { all: scope }, ...options.limits }));
  const journal = createMemoryJournal();
  const executor = createExecutor({
    kernel: machine.kernel,
    limits,
    journal: options.journal ?? journal,
    clock: options.clock ?? { nowMs: () => 0 },
  });
  const owner = machine.spawn();

  function plan(entries: readonly Entry[], changes: Partial<BoundPlan> = {}): BoundPlan {
    const owners = [...new Set(entries.map((entry) => entry.owner ?? owner))];
    return {
      epoch: 1,
      scope: 'all',
      topologyGeneration: 1,
      headroom: [],
      owners,
      owner: Uint16Array.from(entries, (entry) => owners.indexOf(entry.owner ?? owner)),
      space: new Uint8Array(entries.length),
      pageNumber: Float64Array.from(entries, ({ page }) => page),
      pages: Uint32Array.from(entries, ({ pages = 1 }) => pages),
      target: Uint8Array.from(entries, ({ target }) => target),
      priority: Uint16Array.from(entries, ({ priority = 0 }) => priority),
      ...changes,
    };
  }

  return {
    machine,
    owner,
    executor,
    journal,
    plan,
    submit: async (entries, changes) => inWords(expectValue(await executor.submit(plan(entries, changes)))),
  };
}

export function inWords(outcome: Outcome): Seen {
  return {
    verdicts: Array.from(outcome.verdicts, (verdict) => verdictName(verdict) ?? `unnamed ${verdict}`),
    movedPages: [...outcome.movedPages],
    outcome,
  };
}

/** Pages `first` to `first + count - 1`, present on this node. */
export function populate({ machine, owner }: TwoTier, first: number, count: number, node: number): void {
  for (let page = first; page < first + count; page++) {
    machine.touch(owner, page);
    machine.place(owner, page, node);
  }
}

export function expectValue<T>(result: Result<T, PlanFault | string>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}
