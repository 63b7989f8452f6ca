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
  | 'policy-out-of-fuel'
  | 'host-failed';

/** Why an epoch ended without a plan. The host of the policy has been replaced when it had to be. */
export type EpochFault =
  | 'policy-trapped'
  | 'policy-overran'
  | 'policy-out-of-fuel'
  | 'plan-unreadable'
  | 'host-failed';

export interface LogLine {
  readonly level: number;
  readonly message: string;
}

/** What is known of an epoch's run whether or not it came to a plan. */
export interface Run {
  /** Of everything the policy was handed, hexadecimal (input-hash.ts). */
  readonly inputHash: string;
  /** Units burnt; 0 where the policy did not answer. The same module and input burn the same. */
  readonly fuel: number;
  readonly log: readonly LogLine[];
  readonly logDropped: number;
}

export interface Evaluation extends Run {
  readonly plan: Plan;
}

export type Evaluated =
  | { readonly ok: true; readonly value: Evaluation }
  | (Failure<EpochFault> & { readonly run: Run });

/** A policy ready to be asked, wherever it runs. One call at a time. */
export interface Policy {
  readonly manifest: Manifest;
  /** SHA-256 of the component, hexadecimal. */
  readonly digest: string;
  /** The settings in force, defaults filled in. */
  readonly settings: Settings;
  /** `handedOver` is called when the snapshot has been read, and perhaps again: its columns may change from then on. */
  evaluate(snapshot: Snapshot, handedOver?: () => void): Promise<Evaluated>;
  /** Resolves when a host stands again, or could not be started: until then an answer would have to wait for it. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/** A policy whose state can be taken along. */
export interface StatefulPolicy extends Policy {
  save(): Promise<Result<Uint8Array, EpochFault>>;
  /** `restore-refused`: the policy starts cold and goes on. */
  restore(version: number, state: Uint8Array): Promise<Result<void, EpochFault | 'restore-refused'>>;
}

export type LoadFailure = Failure<LoadFault>;
