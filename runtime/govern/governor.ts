import type { NodeBudget, Outcome } from '../../executor/plan.ts';
import { failure, type Failure } from '../../executor/result.ts';
import { EVENT, type ColumnName, type RegionEvents, type Snapshot } from '../contract.ts';
import { DEFAULT_COST_MODEL, type CostModel } from '../cost-model.ts';
import type { EpochReport, HarmFault } from '../epoch-report.ts';
import * as limits from '../limits.ts';
import type { Evaluated, Policy } from '../policy/policy.ts';
import { blame } from './blame.ts';
import { createBreaker, type BreakerLimits, type Slowdowns } from './breaker.ts';
import { describeEpoch, type Duty, type RungName } from './decision.ts';
import type { DecisionLog, DecisionLogFault } from './decision-log.ts';
import { hashSettings } from './hashes.ts';
import { hold } from './hold.ts';
import { advance, compareLadders, createLadder, onDuty, type LadderLimits } from './ladder.ts';
import { createLedger, LEDGER_COLUMNS } from './ledger.ts';

export interface GovernLimits extends LadderLimits, BreakerLimits {
  /** Share of a plan's entries that may name no region or no place; they are left out. Above it nothing moves. */
  readonly invalidShareMax: number;
}

export const GOVERN_DEFAULTS: GovernLimits = {
  failedEpochsMax: limits.failedEpochsMaxDefault,
  retryEpochsMin: limits.retryEpochsMinDefault,
  retryEpochsMax: limits.retryEpochsMaxDefault,
  recoveredEpochs: limits.recoveredEpochsDefault,
  invalidShareMax: limits.invalidShareMaxDefault,
  harmShareMax: limits.harmShareMaxDefault,
  harmEpochs: limits.harmEpochsDefault,
};

export interface GovernorOptions {
  /** The policy that was chosen, and what takes over when it fails; `hold` comes after them. */
  readonly chosen: Policy;
  readonly lastGood?: Policy;
  readonly limits: GovernLimits;
  readonly model?: CostModel;
  readonly decisions?: DecisionLog;
}

/** Asks the policy on duty, and no other; sees to it that another takes over when it fails or does harm. */
export interface Governor {
  /** What snapshots must show. */
  readonly columns: ReadonlySet<ColumnName>;
  /** `nodes` are the snapshot's places. */
  evaluate(snapshot: Snapshot, nodes: readonly NodeBudget[]): Promise<Evaluated>;
  /** Why no plan of the policy on duty is to be carried out, whatever it answered. */
  findHarm(): Failure<HarmFault> | undefined;
  /** A plan was carried out; `targets` are places. */
  carriedOut(regions: Uint32Array, targets: Uint8Array, outcome: Outcome): void;
  /** The epoch is over: who decided it, and who decides the next one. Writes its line in the decision log. */
  conclude(report: EpochReport): Concluded;
  close(): Promise<void>;
}

export interface Concluded {
  readonly duty: Duty;
  readonly logFault?: Failure<DecisionLogFault>;
}

interface Rung {
  readonly name: RungName;
  readonly policy: Policy;
  readonly settingsHash: string;
  /** Number of the last snapshot it was shown, as the governor counts them. */
  shown: number;
}

/** What a policy is told that has missed epochs: all it knows of indices is void (docs/failure.md). */
const FORGET: RegionEvents = {
  kinds: Uint8Array.of(EVENT.forget),
  regions: new Uint32Array(1),
  others: new Uint32Array(1),
};

export function createGovernor(options: GovernorOptions): Governor {
  const rungs = listRungs(options);
  const ledgers = rungs.slice(0, -1).map(() => createLedger(options.model ?? DEFAULT_COST_MODEL));
  const breaker = createBreaker(options.limits);
  const columns = rungs.flatMap(({ policy }) => policy.manifest.columns);
  let ladder = createLadder(rungs.length - 1);
  let snapshots = 0;
  let slowdowns: Slowdowns | undefined;

  async function evaluate(snapshot: Snapshot, nodes: readonly NodeBudget[]): Promise<Evaluated> {
    const rung = rungs[onDuty(ladder)];
    const missed = ++snapshots - rung.shown > 1;
    rung.shown = snapshots;
    const answer = rung.policy.evaluate(missed ? { ...snapshot, events: FORGET } : snapshot);
    // The host is at work by now, on another processor.
    const costs = ledgers.map((ledger) => ledger.account(snapshot, nodes));
    slowdowns = breaker.add(costs[onDuty(ladder)] ?? costs[0]);
    return answer;
  }

  function findHarm(): Failure<HarmFault> | undefined {
    const { policy } = rungs[onDuty(ladder)];
    if (!slowdowns || policy === hold || !breaker.isTripped()) return undefined;
    return failure(
      'policy-harmful',
      `under ${policy.manifest.name} the last ${options.limits.harmEpochs} epochs are slowed down ` +
        `${slowdowns.policy.toFixed(3)} times, under hold ${slowdowns.hold.toFixed(3)} times: it gives way; ` +
        'find out why with `terrace dry-run`',
    );
  }

  function conclude(report: EpochReport): Concluded {
    const { name, policy, settingsHash } = rungs[onDuty(ladder)];
    const happening = blame(report);
    const next = advance(ladder, happening, options.limits);
    const change = compareLadders(ladder, next, happening);
    ladder = next;
    if (change) breaker.restart();
    const duty = {
      rung: name,
      ...(slowdowns && { slowdowns }),
      ...(change && {
        change: { to: rungs[change.to].name, reason: change.reason, waitEpochs: change.waitEpochs },
      }),
    };
    slowdowns = undefined;
    const logged = options.decisions?.append(describeEpoch(report, duty, policy, settingsHash));
    return logged?.ok === false ? { duty, logFault: logged } : { duty };
  }

  return {
    columns: new Set([...LEDGER_COLUMNS, ...columns]),
    evaluate,
    findHarm,
    carriedOut: (...carried) => ledgers[onDuty(ladder)]?.carriedOut(...carried),
    conclude,
    async close() {
      await Promise.all(rungs.map(({ policy }) => policy.close()));
      options.decisions?.close();
    },
  };
}

function listRungs({ chosen, lastGood }: GovernorOptions): Rung[] {
  const rung = (name: RungName, policy: Policy): Rung => ({
    name,
    policy,
    settingsHash: hashSettings(policy.settings),
    shown: 0,
  });
  return [rung('chosen', chosen), ...(lastGood ? [rung('last-good', lastGood)] : []), rung('hold', hold)];
}
