import type { Executor } from '../executor/executor.ts';
import { SPACE, type Budgets } from '../executor/plan.ts';
import { failure, success, type Result } from '../executor/result.ts';
import { bindPlan } from './bind.ts';
import type { ColumnName, Snapshot } from './contract.ts';
import { DEFAULT_COST_MODEL, type CostModel } from './cost-model.ts';
import type { EpochReport } from './epoch-report.ts';
import type { DecisionLog } from './govern/decision-log.ts';
import { createGovernor, GOVERN_DEFAULTS, type Concluded, type GovernLimits } from './govern/governor.ts';
import { createShadow, type Shadow } from './govern/shadow.ts';
import type { Policy } from './policy/policy.ts';
import { createRegionTable, type TableFault } from './region-table.ts';
import { createSnapshotBuilder } from './snapshot.ts';
import type { Sample, TelemetrySource } from './telemetry/source.ts';

export interface EngineOptions {
  readonly source: TelemetrySource;
  readonly policy: Policy;
  /** Takes over when `policy` fails or does harm; after it, and without it, everything stays where it is. */
  readonly lastGood?: Policy;
  readonly executor: Executor;
  /** Name of a scope in the executor's limits file. */
  readonly scope: string;
  /** When a policy gives way and when it is tried again (docs/failure.md). */
  readonly limits?: Partial<GovernLimits>;
  /** By which slowdowns are estimated. */
  readonly model?: CostModel;
  readonly decisions?: DecisionLog;
}

export type StepReport = EpochReport & Concluded;

/** The loop's body: observe, ask, carry out, learn. The caller decides when to step; all else is done between steps. */
export interface Engine {
  /** Runs one epoch. A fault ends the epoch, never the engine. Not to be called while a step runs. */
  step(): Promise<StepReport>;
  /** In order of preference: the chosen policy, and the one that takes over when it fails. */
  policies(): readonly Policy[];
  /** Who decides the next epoch. */
  onDuty(): Policy;
  /**
   * The policy decides from the next step on, and whoever served until now is kept to fall back on. `current` = it
   * saw every epoch until now, as a shadow. Answers whom nobody needs any more, for the caller to close when there
   * is time: ending a host takes milliseconds.
   */
  replace(policy: Policy, current: boolean): readonly Policy[];
  /** Whoever was kept decides again from the next step on; answers likewise, or nothing where nobody was kept. */
  rollBack(): readonly Policy[] | undefined;
  /** Shows every epoch to one more policy, whose plans nobody carries out. `initiated`: see shadow.ts. */
  addShadow(policy: Policy, initiated: boolean): Shadow;
  /** Shows it no more; its policy stays open. */
  removeShadow(shadow: Shadow): void;
  /** While paused, policies are asked and nothing is carried out. */
  setPaused(paused: boolean): void;
  setLimits(limits: Partial<GovernLimits>): void;
  /** Closes source, policies, shadows, executor and decision log. */
  close(): Promise<void>;
}

type Seen = Required<Pick<EpochReport, 'epoch' | 'sample' | 'budgets' | 'snapshot'>>;

/**
 * Telemetry to plan to outcome. It knows neither which source feeds it nor whether the executor sits on
 * Linux, on a simulated machine or answers from another process; which policy decides is the governor's to say.
 */
export function createEngine(options: EngineOptions): Engine {
  const { source, policy, executor, scope, model = DEFAULT_COST_MODEL } = options;
  let limits = { ...GOVERN_DEFAULTS, ...options.limits };
  const governor = createGovernor({ ...options, chosen: policy, limits });
  const table = createRegionTable();
  const snapshots = createSnapshotBuilder();
  const shadows = new Set<Shadow>();
  let rowRegion = new Uint32Array(0);
  let epoch = 0;
  let paused = false;

  function wantedColumns(): ReadonlySet<ColumnName> {
    const besides = [...shadows].flatMap(({ policy }) => policy.manifest.columns);
    return new Set([...governor.columns(), ...besides]);
  }

  function observe(sample: Sample, budgets: Budgets): Result<Snapshot, TableFault> {
    if (rowRegion.length < sample.rows.owner.length) rowRegion = new Uint32Array(sample.rows.owner.length);
    const events = table.update(sample, epoch, rowRegion);
    if (!events.ok) return events;
    const wanted = wantedColumns();
    return success(
      snapshots.build({ wanted, epoch, sample, rowRegion, table, events: events.value, budgets }),
    );
  }

  async function run(): Promise<EpochReport> {
    const sample = await source.next();
    if (!sample.ok) return { epoch, fault: sample };
    const budgets = await executor.budgets(scope);
    if (!budgets.ok) return { epoch, sample: sample.value, fault: budgets };
    const seen = { epoch, sample: sample.value, budgets: budgets.value };
    const snapshot = observe(seen.sample, seen.budgets);
    if (!snapshot.ok) return { ...seen, fault: snapshot };
    const report = await decide({ ...seen, snapshot: snapshot.value });
    await showShadows(snapshot.value, report);
    return report;
  }

  /** Last, so that they keep nothing waiting but the next epoch, and that only until its columns are read. */
  async function showShadows(snapshot: Snapshot, { budgets, planned, outcome }: EpochReport): Promise<void> {
    await Promise.all([...shadows].map((shadow) => shadow.show(snapshot, budgets!.nodes)));
    if (!planned || !outcome) return;
    for (const shadow of shadows) shadow.carriedOut(planned.regions, planned.targets, outcome);
  }

  async function decide(seen: Seen): Promise<EpochReport> {
    const evaluated = await governor.evaluate(seen.snapshot, seen.budgets.nodes);
    snapshots.forgetVerdicts();
    if (!evaluated.ok) return { ...seen, run: evaluated.run, fault: evaluated };
    const asked = { ...seen, run: evaluated.value, evaluation: evaluated.value };
    const harm = governor.findHarm();
    return harm ? { ...asked, fault: harm } : carryOut(asked);
  }

  async function carryOut(asked: Seen & Required<Pick<EpochReport, 'evaluation'>>): Promise<EpochReport> {
    const { budgets, sample, evaluation } = asked;
    const { invalidShareMax } = limits;
    const { space } = sample;
    const binding = bindPlan({ plan: evaluation.plan, table, budgets, scope, epoch, space, invalidShareMax });
    if (!binding.ok) return { ...asked, fault: binding };
    const { plan, bound, invalid } = binding.value;
    if (paused) return { ...asked, bound, invalid, fault: PAUSED };
    const outcome = await executor.submit(bound);
    if (!outcome.ok) {
      table.doubt(plan.regions);
      return { ...asked, bound, invalid, fault: outcome };
    }
    const { verdicts, frames } = outcome.value;
    snapshots.recordVerdicts(plan.regions, verdicts);
    governor.carriedOut(plan.regions, plan.targets, outcome.value);
    if (space === SPACE.physical)
      table.follow({ regions: plan.regions, target: bound.target, verdicts, frames });
    return { ...asked, bound, invalid, planned: plan, outcome: outcome.value };
  }

  return {
    async step() {
      epoch++;
      const report = await run();
      const concluded = governor.conclude(report);
      // They answer another policy's wishes.
      if (concluded.duty.change) snapshots.forgetVerdicts();
      return { ...report, ...concluded };
    },
    policies: governor.policies,
    onDuty: governor.onDuty,
    replace(chosen, current) {
      snapshots.forgetVerdicts();
      return governor.replace(chosen, current);
    },
    rollBack() {
      const gone = governor.goBack();
      if (gone) snapshots.forgetVerdicts();
      return gone;
    },
    addShadow(policy, initiated) {
      const shadow = createShadow({ policy, model, limits, initiated });
      shadows.add(shadow);
      return shadow;
    },
    removeShadow: (shadow) => void shadows.delete(shadow),
    setPaused: (wanted) => void (paused = wanted),
    setLimits(wanted) {
      limits = { ...GOVERN_DEFAULTS, ...wanted };
      governor.setLimits(limits);
    },
    async close() {
      const ends = [...shadows].map((shadow) => shadow.close());
      await Promise.all([source.close(), governor.close(), executor.close(), ...ends]);
    },
  };
}

const PAUSED = failure(
  'paused',
  'an operator paused the scope, so nothing moves: `terrace resume` ends that',
);
