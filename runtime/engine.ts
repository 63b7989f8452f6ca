import type { Executor } from '../executor/executor.ts';
import { SPACE, type BoundPlan, type Budgets, type Outcome, type PlanFault } from '../executor/plan.ts';
import { success, type Failure, type Result } from '../executor/result.ts';
import { bindPlan, type BindFault } from './bind.ts';
import type { Snapshot } from './contract.ts';
import type { EpochFault, Evaluation, Policy } from './policy/policy.ts';
import { createRegionTable, type TableFault } from './region-table.ts';
import { createSnapshotBuilder } from './snapshot.ts';
import type { Sample, SourceFault, TelemetrySource } from './telemetry/source.ts';

export interface EngineOptions {
  readonly source: TelemetrySource;
  readonly policy: Policy;
  readonly executor: Executor;
  /** Name of a scope in the executor's limits file. */
  readonly scope: string;
}

export type StepFault = SourceFault | TableFault | PlanFault | EpochFault | BindFault;

/** What one epoch came to, as far as it got. */
export interface EpochReport {
  readonly epoch: number;
  readonly sample?: Sample;
  readonly budgets?: Budgets;
  /** Its columns are valid until the next step. */
  readonly snapshot?: Snapshot;
  readonly evaluation?: Evaluation;
  readonly bound?: BoundPlan;
  readonly outcome?: Outcome;
  /** Why it ended early; whatever had happened until then stands above. */
  readonly fault?: Failure<StepFault>;
}

/** The loop's body: observe, ask, carry out, learn. The caller decides when to step. */
export interface Engine {
  /** Runs one epoch. A fault ends the epoch, never the engine. Not to be called while a step runs. */
  step(): Promise<EpochReport>;
  /** Closes source, policy and executor. */
  close(): Promise<void>;
}

/**
 * Telemetry to plan to outcome. It knows neither which source feeds it nor whether the executor sits on
 * Linux, on a simulated machine or answers from another process.
 */
export function createEngine({ source, policy, executor, scope }: EngineOptions): Engine {
  const table = createRegionTable();
  const snapshots = createSnapshotBuilder(new Set(policy.manifest.columns));
  let rowRegion = new Uint32Array(0);
  let epoch = 0;

  function observe(sample: Sample, budgets: Budgets): Result<Snapshot, TableFault> {
    if (rowRegion.length < sample.rows.owner.length) rowRegion = new Uint32Array(sample.rows.owner.length);
    const events = table.update(sample, epoch, rowRegion);
    if (!events.ok) return events;
    return success(snapshots.build({ epoch, sample, rowRegion, table, events: events.value, budgets }));
  }

  async function step(): Promise<EpochReport> {
    epoch++;
    const sample = await source.next();
    if (!sample.ok) return { epoch, fault: sample };
    const budgets = await executor.budgets(scope);
    if (!budgets.ok) return { epoch, sample: sample.value, fault: budgets };
    const seen = { epoch, sample: sample.value, budgets: budgets.value };
    const snapshot = observe(seen.sample, seen.budgets);
    if (!snapshot.ok) return { ...seen, fault: snapshot };
    return decide({ ...seen, snapshot: snapshot.value });
  }

  async function decide(
    seen: Required<Pick<EpochReport, 'epoch' | 'sample' | 'budgets' | 'snapshot'>>,
  ): Promise<EpochReport> {
    const evaluation = await policy.evaluate(seen.snapshot);
    snapshots.forgetVerdicts();
    if (!evaluation.ok) return { ...seen, fault: evaluation };
    const asked = { ...seen, evaluation: evaluation.value };
    const { plan } = asked.evaluation;
    const bound = bindPlan({ plan, table, budgets: seen.budgets, scope, epoch, space: seen.sample.space });
    if (!bound.ok) return { ...asked, fault: bound };
    const outcome = await executor.submit(bound.value);
    if (!outcome.ok) {
      table.doubt(plan.regions);
      return { ...asked, bound: bound.value, fault: outcome };
    }
    const { verdicts, frames } = outcome.value;
    snapshots.recordVerdicts(plan.regions, verdicts);
    if (seen.sample.space === SPACE.physical)
      table.follow({ regions: plan.regions, target: bound.value.target, verdicts, frames });
    return { ...asked, bound: bound.value, outcome: outcome.value };
  }

  return {
    step,
    async close() {
      await Promise.all([source.close(), policy.close(), executor.close()]);
    },
  };
}
