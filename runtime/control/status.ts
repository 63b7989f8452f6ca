import type { RungName } from '../govern/decision.ts';
import type { ShadowReport } from '../govern/shadow.ts';

/** A version of a policy, and since when it has its part. */
export interface PolicyStatus {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the component, hexadecimal; empty for the built-in `hold`. */
  readonly digest: string;
  readonly settingsHash: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

/** A policy beside the active one, in the world that its own plans would have made. */
export interface ShadowStatus extends PolicyStatus, Omit<ShadowReport, 'fault'> {
  readonly fault?: { readonly code: string; readonly message: string };
}

/** A switch under way. */
export interface TrialStatus {
  /** What was asked for. */
  readonly policy: string;
  readonly stage: 'preparing' | 'shadow';
  readonly epochsWanted: number;
  /** Absent while it is being prepared. */
  readonly shadow?: ShadowStatus;
}

/** How the last switch, or the last way back, ended. */
export interface SwitchStatus {
  readonly policy: string;
  readonly outcome: 'switched' | 'refused' | 'superseded' | 'abandoned' | 'rolled-back';
  /** Of `refused`. */
  readonly code?: string;
  readonly message: string;
  readonly atMs: number;
}

export interface ScopeStatus {
  readonly scope: string;
  readonly paused: boolean;
  readonly epoch: number;
  readonly epochMs: number;
  /** Epochs that began late, and periods in which none began. */
  readonly late: number;
  readonly dropped: number;
  readonly regions: number;
  /** Who decided the last epoch. */
  readonly duty: RungName;
  readonly active: PolicyStatus;
  /** What takes over when the active one fails, and where `rollback` goes. */
  readonly lastGood?: PolicyStatus;
  readonly trial?: TrialStatus;
  readonly lastSwitch?: SwitchStatus;
  readonly shadows: readonly ShadowStatus[];
  readonly slowdowns?: { readonly policy: number; readonly hold: number };
  /** Since the daemon started. Pages are base pages. */
  readonly totals: {
    readonly movedPages: number;
    readonly promotedPages: number;
    readonly demotedPages: number;
    /** Entries. */
    readonly refused: number;
    /** Epochs that ended with a fault; those of a pause do not count. */
    readonly failed: number;
  };
  /** Of the last epoch's answer. */
  readonly fuel?: number;
  /** Why the last epoch ended early. */
  readonly fault?: { readonly code: string; readonly message: string };
}

export interface DaemonStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedMs: number;
  readonly config: {
    readonly file: string;
    readonly loadedMs: number;
    /** Why what lies in the file now is not in force. */
    readonly refused?: string;
  };
  readonly scopes: readonly ScopeStatus[];
}
