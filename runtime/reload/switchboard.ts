import type { Result } from '../../executor/result.ts';
import type { PolicyStatus, SwitchStatus, TrialStatus } from '../control/status.ts';
import type { Engine } from '../engine.ts';
import type { Shadow, ShadowReport } from '../govern/shadow.ts';
import type { Policy, StatefulPolicy } from '../policy/policy.ts';
import { describePolicy, describeShadow, nameOf } from './describe.ts';
import { handOver } from './hand-over.ts';

/** A version that is to take over. */
export interface Candidate {
  /** What people call it. */
  readonly named: string;
  /** Finds it, judges it, starts a host for it and configures it there; called once. */
  readonly load: () => Promise<Result<StatefulPolicy>>;
  /** Epochs as a shadow; 0 = it takes over as soon as it stands. */
  readonly trialEpochs: number;
}

export interface SwitchboardOptions {
  readonly engine: Pick<
    Engine,
    'policies' | 'onDuty' | 'replace' | 'rollBack' | 'addShadow' | 'removeShadow'
  >;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Told how each switch, and each way back, ended. */
  readonly onEnd?: (status: SwitchStatus) => void;
}

/**
 * Who decides a scope, and who comes next. A candidate is prepared in the background, takes over the state of the
 * policy that serves, proves itself as a shadow, and then replaces it between two epochs. Whatever goes wrong on that
 * way ends the candidate alone. One candidate at a time: a newer one supersedes it.
 */
export interface Switchboard {
  begin(candidate: Candidate): void;
  /** Abandons the candidate; without one, goes back before the next epoch. Undefined: to whom? */
  rollBack(): 'abandoned' | 'rolled-back' | undefined;
  /** The step is over. To be awaited before the next one, for the policy that serves may be asked for its state. */
  afterEpoch(): Promise<void>;
  /** The next step is about to begin: what is decided takes effect. Never waits. */
  beforeEpoch(): void;
  status(): SwitchboardStatus;
  /** Ends whatever is under way; resolves when nothing of it is left. The engine's own policies are the engine's to close. */
  close(): Promise<void>;
}

export interface SwitchboardStatus {
  readonly active: PolicyStatus;
  readonly lastGood?: PolicyStatus;
  readonly trial?: TrialStatus;
  readonly lastSwitch?: SwitchStatus;
}

/** How far a candidate is. */
interface UnderWay {
  readonly candidate: Candidate;
  /** Once it is loaded. */
  policy?: StatefulPolicy;
  /** Once its state was settled. */
  note?: string;
  initiated?: boolean;
  shadow?: Shadow;
  shadowSinceMs?: number;
}

export function createSwitchboard({ engine, nowMs, onEnd }: SwitchboardOptions): Switchboard {
  /** In order of preference, and since when each has its part. */
  let parts: readonly { readonly policy: Policy; readonly sinceMs: number }[] = [];
  const endings = new Set<Promise<unknown>>();
  /** Whom nobody needs any more; closed when no epoch is about to begin. */
  let dismissed: readonly Policy[] = [];
  let underWay: UnderWay | undefined;
  let lastSwitch: SwitchStatus | undefined;
  let goingBack = false;
  let closed = false;

  noteParts();

  function begin(candidate: Candidate): void {
    if (closed) return;
    if (underWay) end(underWay, 'superseded', `${candidate.named} came after it`);
    const begun: UnderWay = { candidate };
    underWay = begun;
    track(prepare(begun));
  }

  async function prepare(begun: UnderWay): Promise<void> {
    const loaded = await begun.candidate.load();
    if (loaded.ok) begun.policy = loaded.value;
    if (underWay === begun) {
      if (!loaded.ok) refuse(begun, loaded.code, loaded.message);
    } else if (loaded.ok) await loaded.value.close();
  }

  async function afterEpoch(): Promise<void> {
    closeDismissed();
    const begun = underWay;
    if (!begun?.policy || begun.note !== undefined) return;
    const handed = await handOver(engine.onDuty(), begun.policy);
    // Superseded, abandoned or closed meanwhile: then its policy is being closed already.
    if (underWay !== begun) return;
    if (!handed.ok) return refuse(begun, handed.code, handed.message);
    begun.note = handed.value.note;
    begun.initiated = handed.value.initiated;
    if (begun.candidate.trialEpochs === 0) return;
    begun.shadow = engine.addShadow(begun.policy, begun.initiated);
    begun.shadowSinceMs = nowMs();
  }

  function beforeEpoch(): void {
    if (goingBack) goBack();
    const begun = underWay;
    if (!begun?.policy || begun.note === undefined) return;
    const { shadow, candidate } = begun;
    if (!shadow) return enter(begun, begun.initiated === true);
    const report = shadow.report();
    const fault = findFault(report, candidate.trialEpochs, shadow);
    if (fault) refuse(begun, fault.code, fault.message);
    else if (report.epochs >= candidate.trialEpochs && shadow.isIdle() && shadow.isCurrent())
      enter(begun, true);
  }

  function goBack(): void {
    goingBack = false;
    const [from, to] = engine.policies();
    const gone = engine.rollBack();
    if (!from || !to || !gone) return;
    dismissed = [...dismissed, ...gone];
    noteParts();
    tell(nameOf(from), 'rolled-back', `${nameOf(to)} decides again`);
  }

  function enter(begun: UnderWay, current: boolean): void {
    const { policy, shadow, candidate, note } = begun;
    const former = engine.onDuty();
    if (shadow) engine.removeShadow(shadow);
    underWay = undefined;
    dismissed = [...dismissed, ...engine.replace(policy!, current)];
    noteParts();
    tell(candidate.named, 'switched', `${nameOf(policy!)} decides instead of ${nameOf(former)}; it ${note}`);
  }

  function noteParts(): void {
    const before = parts;
    parts = engine
      .policies()
      .map((policy, i) => (before[i]?.policy === policy ? before[i] : { policy, sinceMs: nowMs() }));
  }

  function refuse(begun: UnderWay, code: string, message: string): void {
    end(begun, 'refused', message, code);
  }

  /** The candidate goes; everything else stays as it is. */
  function end(begun: UnderWay, outcome: SwitchStatus['outcome'], message: string, code?: string): void {
    if (underWay === begun) underWay = undefined;
    if (begun.shadow) engine.removeShadow(begun.shadow);
    if (begun.policy) track(begun.policy.close());
    tell(begun.candidate.named, outcome, message, code);
  }

  function tell(policy: string, outcome: SwitchStatus['outcome'], message: string, code?: string): void {
    lastSwitch = { policy, outcome, ...(code !== undefined && { code }), message, atMs: nowMs() };
    onEnd?.(lastSwitch);
  }

  function closeDismissed(): void {
    for (const policy of dismissed) track(policy.close());
    dismissed = [];
  }

  function track(ending: Promise<unknown>): void {
    const tracked = ending.finally(() => endings.delete(tracked));
    endings.add(tracked);
  }

  return {
    begin,
    rollBack() {
      if (underWay) {
        end(underWay, 'abandoned', 'it was given up on request');
        return 'abandoned';
      }
      goingBack = !closed && engine.policies().length > 1;
      return goingBack ? 'rolled-back' : undefined;
    },
    afterEpoch,
    beforeEpoch,
    status() {
      const [active, lastGood] = parts.map(({ policy, sinceMs }) => describePolicy(policy, sinceMs));
      return {
        active: active!,
        ...(lastGood && { lastGood }),
        ...(underWay && { trial: describeTrial(underWay) }),
        ...(lastSwitch && { lastSwitch }),
      };
    },
    async close() {
      closed = true;
      if (underWay) end(underWay, 'abandoned', 'the daemon ended');
      closeDismissed();
      while (endings.size > 0) await Promise.all(endings);
    },
  };
}

/** Why a candidate is not to take over. */
function findFault(
  report: ShadowReport,
  trialEpochs: number,
  shadow: Shadow,
): { code: string; message: string } | undefined {
  const { fault, epochs, missed, slowdown, activeSlowdown } = report;
  if (fault) return fault;
  if (missed > trialEpochs)
    return {
      code: 'policy-overran',
      message: `it missed ${missed} epochs and answered ${epochs}: it takes longer than an epoch lasts`,
    };
  if (epochs < trialEpochs || !shadow.isHarmful()) return undefined;
  return {
    code: 'policy-harmful',
    message: `under it the program would be slowed down ${slowdown.toFixed(3)} times, as it is ${activeSlowdown.toFixed(3)} times`,
  };
}

function describeTrial({ candidate, shadow, shadowSinceMs }: UnderWay): TrialStatus {
  return {
    policy: candidate.named,
    stage: shadow ? 'shadow' : 'preparing',
    epochsWanted: candidate.trialEpochs,
    ...(shadow && { shadow: describeShadow(shadow, shadowSinceMs!) }),
  };
}
