import type { Result } from '../../executor/result.ts';
import type { Settings } from '../contract.ts';
import type { DaemonStatus } from './status.ts';

/** Why a daemon does not do what it is told. */
export type OperatorFault =
  /** No such scope; or none named where the daemon has several. */
  | 'scope-unknown'
  /** The policy was not found, not admitted, not built or not configured; the message says which and why. */
  | 'policy-refused'
  /** There is no former version to go back to. */
  | 'nothing-to-roll-back'
  /** The configuration file was refused whole; nothing changed. */
  | 'config-refused'
  | 'closing';

export interface SwitchRequest {
  /** Absent = the only scope there is. */
  readonly scope?: string;
  /** NAME, NAME@VERSION, or the absolute path of a `.wasm` or `.ts` file. */
  readonly policy: string;
  /** Absent = as the configuration says, where the policy has the same name, else the policy's defaults. */
  readonly settings?: Settings;
  /** Epochs as a shadow before it takes over; 0 = at once. Absent = as configured. */
  readonly trialEpochs?: number;
}

/**
 * What an operator can ask of a daemon. Each answer comes soon: it says that something began, and `status` says
 * what came of it.
 */
export interface Operator {
  status(): DaemonStatus;
  /** Begins to prepare the policy; the message says what happens next. */
  switchPolicy(request: SwitchRequest): Promise<Result<string, OperatorFault>>;
  /** Abandons a switch under way; else the former version decides again from the next epoch on. */
  rollback(scope?: string): Promise<Result<string, OperatorFault>>;
  /** From the next epoch on nothing moves; absent = every scope. */
  pause(scope?: string): Promise<Result<string, OperatorFault>>;
  resume(scope?: string): Promise<Result<string, OperatorFault>>;
  /** Reads the configuration file again, all or nothing. */
  reload(): Promise<Result<string, OperatorFault>>;
}
