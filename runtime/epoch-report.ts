import type { BoundPlan, Budgets, Outcome, PlanFault } from '../executor/plan.ts';
import type { Failure } from '../executor/result.ts';
import type { BindFault } from './bind.ts';
import type { Plan, Snapshot } from './contract.ts';
import type { EpochFault, Evaluation, Run } from './policy/policy.ts';
import type { TableFault } from './region-table.ts';
import type { Sample, SourceFault } from './telemetry/source.ts';

/** What keeps a policy's plan from being carried out for what it does to the program. */
export type HarmFault = 'policy-harmful';

/** Somebody wanted nothing to move. */
export type PauseFault = 'paused';

export type StepFault =
  | SourceFault
  | TableFault
  | PlanFault
  | EpochFault
  | HarmFault
  | BindFault
  | PauseFault;

/** What one epoch came to, as far as it got. */
export interface EpochReport {
  readonly epoch: number;
  readonly sample?: Sample;
  readonly budgets?: Budgets;
  /** Its columns are valid until the next step. */
  readonly snapshot?: Snapshot;
  /** Of the policy that was asked, whether or not it came to a plan. */
  readonly run?: Run;
  readonly evaluation?: Evaluation;
  readonly bound?: BoundPlan;
  /** Entries of the plan that named no region or no place and were left out. */
  readonly invalid?: number;
  /** The valid entries, row by row what `outcome` answers. */
  readonly planned?: Plan;
  readonly outcome?: Outcome;
  /** Why it ended early; whatever had happened until then stands above. */
  readonly fault?: Failure<StepFault>;
}
