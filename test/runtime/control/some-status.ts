import type { Operator } from '../../../runtime/control/operator.ts';
import type {
  DaemonStatus,
  PolicyStatus,
  ScopeStatus,
  ShadowStatus,
} from '../../../runtime/control/status.ts';
import { failure, success, type Result } from '../../../executor/result.ts';

export const NOW_MS = 1_800_000_000_000;

export function somePolicy(name: string, version: string, ageMs = 60_000): PolicyStatus {
  const digest = Buffer.from(`${name}${version}`).toString('hex').repeat(32).slice(0, 64);
  return { name, version, digest, settingsHash: 'ab'.repeat(32), sinceMs: NOW_MS - ageMs };
}

export function someShadow(policy: PolicyStatus, more: Partial<ShadowStatus> = {}): ShadowStatus {
  return {
    ...policy,
    ...{ epochs: 12, missed: 0, failed: 0, slowdown: 1.21, activeSlowdown: 1.25, fuel: 9_876_543 },
    ...{ movedPages: 98_981, promotedPages: 45_067, demotedPages: 53_914, elsewherePages: 1204 },
    ...more,
  };
}

export function someScope(scope: string, more: Partial<ScopeStatus> = {}): ScopeStatus {
  return {
    ...{ scope, paused: false, epoch: 276_480, epochMs: 1000, late: 3, dropped: 0, regions: 48_211 },
    ...{ duty: 'chosen', active: somePolicy('heat', '1.0.0', 8_040_000), shadows: [] },
    slowdowns: { policy: 1.25, hold: 1.694 },
    totals: { movedPages: 1_234_567, promotedPages: 600_000, demotedPages: 634_567, refused: 12, failed: 0 },
    fuel: 12_345_678,
    ...more,
  };
}

export function someStatus(...scopes: readonly ScopeStatus[]): DaemonStatus {
  return {
    ...{ version: '0.1.0', pid: 4711, startedMs: NOW_MS - 273_600_000 },
    config: { file: '/etc/terrace/terrace.json', loadedMs: NOW_MS - 7_980_000 },
    scopes,
  };
}

/** Stands for a daemon: answers what it was given, and keeps what it was asked. */
export interface Recorder extends Operator {
  readonly asked: (readonly unknown[])[];
  now: DaemonStatus;
}

export function createRecorder(now: DaemonStatus): Recorder {
  const asked: (readonly unknown[])[] = [];
  const answer = async (...call: readonly unknown[]): Promise<Result<string, 'scope-unknown'>> => {
    asked.push(call);
    if (call.includes('nowhere')) return failure('scope-unknown', 'there is no scope nowhere');
    return success(`${call[0]} it is`);
  };
  const recorder: Recorder = {
    asked,
    now,
    status: () => recorder.now,
    switchPolicy: (request) => answer('switch', request),
    rollback: (scope) => answer('rollback', scope),
    pause: (scope) => answer('pause', scope),
    resume: (scope) => answer('resume', scope),
    reload: () => answer('reload'),
  };
  return recorder;
}
