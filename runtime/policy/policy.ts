import type { Failure, Result } from '../../executor/result.ts';
import type { Manifest, Plan, Settings, Snapshot } from '../contract.ts';

/** Why a policy could not be loaded. */
export type LoadFault =
  | 'policy-not-found'
  | 'policy-too-large'
  | 'not-a-component'
  | 'component-malformed'
  | 'world-mismatch'
  | 'abi-mismatch'
  | 'manifest-malformed'
  | 'import-forbidden'
  | 'module-forbidden'
  | 'module-invalid'
  | 'setting-unknown'
  | 'setting-invalid'
  | 'settings-refused'
  | 'policy-trapped'
  | 'policy-overran'
  | 'host-failed';

/** Why an epoch ended without a plan. The host of the policy has been replaced when it had to be. */
export type EpochFault = 'policy-trapped' | 'policy-overran' | 'plan-unreadable' | 'host-failed';

export interface LogLine {
  readonly level: number;
  readonly message: string;
}

export interface Evaluation {
  readonly plan: Plan;
  readonly log: readonly LogLine[];
  readonly logDropped: number;
}

/** A policy ready to be asked, wherever it runs. One call at a time. */
export interface Policy {
  readonly manifest: Manifest;
  /** SHA-256 of the component, hexadecimal. */
  readonly digest: string;
  /** The settings in force, defaults filled in. */
  readonly settings: Settings;
  evaluate(snapshot: Snapshot): Promise<Result<Evaluation, EpochFault>>;
  close(): Promise<void>;
}

export type LoadFailure = Failure<LoadFault>;
