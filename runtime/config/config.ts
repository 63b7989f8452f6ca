import type { ScopeMembers } from '../../executor/plan.ts';
import type { Settings } from '../contract.ts';
import type { GovernLimits } from '../govern/governor.ts';
import type { HostLimits } from '../policy/running-host.ts';
import type { Quota } from '../quota/quota.ts';
import type { PlaceOf } from './faults.ts';

/** A daemon's configuration, checked; defaults are filled in, paths that were relative begin at its file's folder. */
export interface Config {
  /** As it was named. */
  readonly file: string;
  /** Sockets. */
  readonly executor: string;
  /** Absent = policy hosts are children of the daemon. */
  readonly launcher?: string;
  readonly control: string;
  /** Folder of policies, which is watched; absent = there is none. */
  readonly policies?: string;
  /** Folder of decision logs; absent = none are written. */
  readonly decisions?: string;
  readonly scopes: readonly ScopeConfig[];
  /** Where in the file something stands. */
  readonly placeOf: PlaceOf;
}

export interface PolicyChoice {
  /** `NAME`, `NAME@VERSION`, or the path of a `.wasm` or `.ts` file. */
  readonly policy: string;
  /** As given; the policy's schema has not been asked. */
  readonly settings: Settings;
}

/** One scope. Plain data: two that are deeply equal ask for the same. */
export interface ScopeConfig extends PolicyChoice {
  readonly name: string;
  readonly members: ScopeMembers;
  /** Socket of its sensor. */
  readonly sensor: string;
  readonly epochMs: number;
  /** Epochs that a new version runs as a shadow before it takes over. */
  readonly trialEpochs: number;
  readonly shadows: readonly PolicyChoice[];
  readonly quotas: readonly Quota[];
  readonly limits: GovernLimits;
  readonly host: HostLimits;
}
