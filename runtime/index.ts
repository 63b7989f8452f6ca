/** Terrace as a library: the engine and what it is put together from. */
export { createEngine, type Engine, type EngineOptions, type StepReport } from './engine.ts';
export type { EpochReport, StepFault } from './epoch-report.ts';
export type { Decision, Duty, DutyChange } from './govern/decision.ts';
export { createDecisionFile, type DecisionLog } from './govern/decision-log.ts';
export type { GovernLimits } from './govern/governor.ts';
export type { Policy, Evaluated, Evaluation, Run } from './policy/policy.ts';
export type { Sample, SampleRows, TelemetrySource } from './telemetry/source.ts';
export type { Manifest, Metric, Place, Plan, RegionEvents, Settings, Snapshot } from './contract.ts';
export type { Executor } from '../executor/executor.ts';
export type { BoundPlan, Budgets, Outcome, OwnerRef } from '../executor/plan.ts';
export { VERDICT, isRejection, verdictName } from '../executor/verdict.ts';
export { connectExecutor } from '../executor/client.ts';
export { connectSensor } from './telemetry/sensor-client.ts';
export { openPolicy } from './policy/open.ts';
export { loadPolicy, type HostedPolicy, type LoadOptions } from './policy/load.ts';
export { connectLauncher, type Launcher } from './policy/launch-client.ts';
export { recordInto, type Recording } from './policy/recording/record-host.ts';
