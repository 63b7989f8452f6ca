import type { NodeBudget, Outcome } from '../../executor/plan.ts';
import { failure, type Failure } from '../../executor/result.ts';
import type { ColumnName, Snapshot } from '../contract.ts';
import { DEFAULT_COST_MODEL, type CostModel } from '../cost-model.ts';
import type { EpochReport, HarmFault } from '../epoch-report.ts';
import * as limits from '../limits.ts';
import type { Evaluated, Policy } from '../policy/policy.ts';
import { blame } from './blame.ts';
import { createBreaker, type BreakerLimits, type Slowdowns } from './breaker.ts';
import { describeEpoch, type Duty, type Entry, type RungName } from './decision.ts';
import type { DecisionLog, DecisionLogFault } from './decision-log.ts';
import { FORGET } from './forget.ts';
import { hashSettings } from './hashes.ts';
import { hold } from './hold.ts';
import { advance, compareLadders, createLadder, onDuty, type LadderLimits } from './ladder.ts';
import { createLedger, LEDGER_COLUMNS, type Ledger } from './ledger.ts';

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
  /** What snapshots must show, now. */
  columns(): ReadonlySet<ColumnName>;
  /** In order of preference, without `hold`: the chosen policy, and the one that takes over when it fails. */
  policies(): readonly Policy[];
  /** Who decides the coming epoch. */
  onDuty(): Policy;
  /** From the coming epoch on; what was seen until then is forgotten. */
  setLimits(limits: GovernLimits): void;
  /**
   * Between epochs: the policy becomes the chosen one, on trial, and whoever served until now the one to fall back
   * on. `current` = it saw every epoch until now. Answers whom nobody needs any more, for the caller to close.
   */
  replace(policy: Policy, current: boolean): readonly Policy[];
  /** Between epochs: the one to fall back on becomes the chosen one. Nothing where there is none. */
  goBack(): readonly Policy[] | undefined;
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
  readonly ledger: Ledger;
  /** Number of the last snapshot it was shown, as the governor counts them. */
  shown: number;
}

export function createGovernor(options: GovernorOptions): Governor {
  const model = options.model ?? DEFAULT_COST_MODEL;
  let { limits } = options;
  let rungs = listRungs(options, model);
  let breaker = createBreaker(limits);
  let ladder = createLadder(rungs.length - 1);
  let snapshots = 0;
  let slowdowns: Slowdowns | undefined;
  let entered: Entry | undefined;

  async function evaluate(snapshot: Snapshot, nodes: readonly NodeBudget[]): Promise<Evaluated> {
    const rung = rungs[onDuty(ladder)];
    const missed = ++snapshots - rung.shown > 1;
    rung.shown = snapshots;
    const answer = rung.policy.evaluate(missed ? { ...snapshot, events: FORGET } : snapshot);
    // The host is at work by now, on another processor.
    const costs = rungs.slice(0, -1).map(({ ledger }) => ledger.account(snapshot, nodes));
    slowdowns = breaker.add(costs[onDuty(ladder)] ?? costs[0]);
    return answer;
  }

  function findHarm(): Failure<HarmFault> | undefined {
    const { policy } = rungs[onDuty(ladder)];
    if (!slowdowns || policy === hold || !breaker.isTripped()) return undefined;
    return failure(
      'policy-harmful',
      `under ${policy.manifest.name} the last ${limits.harmEpochs} epochs are slowed down ` +
        `${slowdowns.policy.toFixed(3)} times, under hold ${slowdowns.hold.toFixed(3)} times: it gives way; ` +
        'find out why with `terrace dry-run`',
    );
  }

  function conclude(report: EpochReport): Concluded {
    const { name, policy, settingsHash } = rungs[onDuty(ladder)];
    const happening = blame(report);
    const next = advance(ladder, happening, limits);
    const change = compareLadders(ladder, next, happening);
    ladder = next;
    if (change) breaker.restart();
    const duty = {
      rung: name,
      ...(entered && { entered }),
      ...(slowdowns && { slowdowns }),
      ...(change && {
        change: { to: rungs[change.to].name, reason: change.reason, waitEpochs: change.waitEpochs },
      }),
    };
    entered = slowdowns = undefined;
    const logged = options.decisions?.append(describeEpoch(report, duty, policy, settingsHash));
    return logged?.ok === false ? { duty, logFault: logged } : { duty };
  }

  /** Other rungs above `hold`; answers whom nobody needs any more. */
  function enter(how: Entry, first: Rung, second?: Rung): readonly Policy[] {
    const kept = [first, ...(second ? [second] : [])];
    const dropped = rungs.filter(
      ({ policy }) => policy !== hold && !kept.some((rung) => rung.policy === policy),
    );
    rungs = [...kept, rungs.at(-1)!];
    ladder = createLadder(kept.length, how === 'switched');
    breaker.restart();
    entered = how;
    return dropped.map(({ policy }) => policy);
  }

  return {
    columns: () => new Set([...LEDGER_COLUMNS, ...rungs.flatMap(({ policy }) => policy.manifest.columns)]),
    policies: () => rungs.slice(0, -1).map(({ policy }) => policy),
    onDuty: () => rungs[onDuty(ladder)].policy,
    setLimits(wanted) {
      limits = wanted;
      breaker = createBreaker(limits);
    },
    replace(policy, current) {
      const serving = rungs[onDuty(ladder)];
      // Where `hold` decides, the chosen one failed last.
      const former = serving.policy === hold ? rungs.at(-2)! : serving;
      const shown = current ? snapshots : 0;
      return enter('switched', createRung('chosen', policy, model, shown), { ...former, name: 'last-good' });
    },
    goBack: () => (rungs.length > 2 ? enter('rolled-back', { ...rungs[1], name: 'chosen' }) : undefined),
    evaluate,
    findHarm,
    carriedOut(...carried) {
      const rung = rungs[onDuty(ladder)];
      if (rung.policy !== hold) rung.ledger.carriedOut(...carried);
    },
    conclude,
    async close() {
      await Promise.all(rungs.map(({ policy }) => policy.close()));
      options.decisions?.close();
    },
  };
}

function createRung(name: RungName, policy: Policy, model: CostModel, shown = 0): Rung {
  const settingsHash = hashSettings(policy.settings);
  return { name, policy, settingsHash, ledger: createLedger(model), shown };
}

function listRungs({ chosen, lastGood }: GovernorOptions, model: CostModel): Rung[] {
  return [
    createRung('chosen', chosen, model),
    ...(lastGood ? [createRung('last-good', lastGood, model)] : []),
    createRung('hold', hold, model),
  ];
}
