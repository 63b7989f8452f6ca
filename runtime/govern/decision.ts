import { verdictName } from '../../executor/verdict.ts';
import type { EpochReport } from '../epoch-report.ts';
import type { LogLine, Policy } from '../policy/policy.ts';
import type { Slowdowns } from './breaker.ts';
import { hashPlan } from './hashes.ts';

export type RungName = 'chosen' | 'last-good' | 'hold';

/** How a policy came to be the chosen one. */
export type Entry = 'switched' | 'rolled-back';

/** The next epoch is another policy's. */
export interface DutyChange {
  readonly to: RungName;
  readonly reason: 'failed' | 'harmful' | 'retried';
  /** Epochs until the policy that gives way is tried again; 0 after `retried`. */
  readonly waitEpochs: number;
}

/** In words, for people. */
export function describeChange(rung: RungName, { to, reason, waitEpochs }: DutyChange): string {
  if (reason === 'retried') return `${to} is tried again instead of ${rung}`;
  return `${rung} ${reason === 'failed' ? 'failed' : 'did harm'}, ${to} takes over; tried again in ${waitEpochs} epochs`;
}

/** Who decided an epoch, and who decides the next one. */
export interface Duty {
  readonly rung: RungName;
  /** The first epoch of another chosen policy, and why it is that. */
  readonly entered?: Entry;
  /** Absent where nothing was observed. */
  readonly slowdowns?: Slowdowns;
  readonly change?: DutyChange;
}

/** One epoch in the decision log. Hashes and digests are SHA-256, hexadecimal. */
export interface Decision extends Duty {
  readonly epoch: number;
  readonly policy: { readonly name: string; readonly version: string; readonly digest: string };
  readonly settingsHash: string;
  /** Absent where the policy was not asked. */
  readonly inputHash?: string;
  readonly fuel?: number;
  /** Absent where it answered none. */
  readonly plan?: { readonly hash: string; readonly entries: number; readonly invalid: number };
  /** Entries by verdict; absent where nothing was submitted. */
  readonly verdicts?: Readonly<Record<string, number>>;
  readonly fault?: { readonly code: string; readonly message: string };
  /** What the policy had to say, of an epoch with a fault. */
  readonly log?: readonly LogLine[];
}

/** An epoch's line. Pure. */
export function describeEpoch(
  report: EpochReport,
  duty: Duty,
  policy: Policy,
  settingsHash: string,
): Decision {
  const { epoch, run, evaluation, invalid = 0, outcome, fault } = report;
  const { name, version } = policy.manifest;
  return {
    epoch,
    ...duty,
    policy: { name, version, digest: policy.digest },
    settingsHash,
    ...(run && { inputHash: run.inputHash, fuel: run.fuel }),
    ...(evaluation && {
      plan: { hash: hashPlan(evaluation.plan), entries: evaluation.plan.regions.length, invalid },
    }),
    ...(outcome && { verdicts: countVerdicts(outcome.verdicts) }),
    ...(fault && { fault: { code: fault.code, message: fault.message } }),
    ...(fault && run && run.log.length > 0 && { log: run.log }),
  };
}

function countVerdicts(verdicts: Uint8Array): Record<string, number> {
  const counts = new Uint32Array(256);
  for (let i = 0; i < verdicts.length; i++) counts[verdicts[i]]++;
  return Object.fromEntries(
    [...counts.entries()].filter(([, count]) => count > 0).map(([id, count]) => [verdictName(id), count]),
  );
}
