import type { Executor } from '../../executor/executor.ts';
import type { BoundPlan, NodeBudget, Outcome, PlanFault } from '../../executor/plan.ts';
import { success, type Result } from '../../executor/result.ts';
import { createBucket } from './bucket.ts';
import { coverTargets, findFitting, keepRows, restoreRows, sumPages } from './cut.ts';
import type { Quota } from './quota.ts';
import { createTuner, type QuotaMeans } from './tuner.ts';

export interface LimitedExecutor extends Executor {
  /** Bytes per second that each quota lets in now, in their order. */
  readRates(): readonly number[];
}

/** The answer was lost on the way, so all of the plan may have moved; every other fault means that nothing did. */
const LOST: ReadonlySet<PlanFault> = new Set<PlanFault>(['executor-unreachable', 'frame-too-large']);

interface Cut {
  readonly plan: BoundPlan;
  /** Of the whole plan; absent = all of them. */
  readonly rows?: Uint32Array;
}

/**
 * An executor that lets in no more than the quotas do: it stands between an engine and any other executor, one for
 * each engine, and guards the machine from a policy's zeal. Against a runtime that lies stands the executor's own
 * limit. What it cuts off is `over-budget`.
 *
 * @param quotas as `checkQuotas` answers them
 */
export function limitMoves(executor: Executor, quotas: readonly Quota[], means: QuotaMeans): LimitedExecutor {
  const coverage = coverTargets(quotas);
  const tuners = quotas.map((quota) => createTuner(quota, means));
  const buckets = tuners.map((tuner) => createBucket(tuner.bytesPerSecondAtFirst, means.nowMs));

  function tune(): void {
    for (const [i, bucket] of buckets.entries())
      bucket.setBytesPerSecond(tuners[i].tune(bucket.bytesPerSecond()));
  }

  function lower(budget: NodeBudget): NodeBudget {
    const left = coverage[budget.node].map((quota) => buckets[quota].leftPages());
    return { ...budget, budget: Math.min(budget.budget, ...left) };
  }

  function cut(plan: BoundPlan): Cut {
    const leftPages = buckets.map((bucket) => bucket.leftPages());
    const rows = findFitting(plan, leftPages, coverage);
    return rows ? { plan: keepRows(plan, rows), rows } : { plan };
  }

  /** Reserved first, charged when it is over: a second plan meanwhile must not be let in on the same pages. */
  async function carryOut(plan: BoundPlan): Promise<Result<Outcome, PlanFault>> {
    const sum = (pages: Uint32Array) => sumPages(plan, pages, coverage, buckets.length);
    const reserved = sum(plan.pages);
    let moved = reserved;
    for (const [i, bucket] of buckets.entries()) bucket.reserve(reserved[i]);
    try {
      const outcome = await executor.submit(plan);
      if (outcome.ok) moved = sum(outcome.value.movedPages);
      else if (!LOST.has(outcome.code)) moved = buckets.map(() => 0);
      return outcome;
    } finally {
      for (const [i, bucket] of buckets.entries()) bucket.settle(reserved[i], moved[i]);
    }
  }

  return {
    async budgets(scope) {
      const answer = await executor.budgets(scope);
      tune();
      return answer.ok ? success({ ...answer.value, nodes: answer.value.nodes.map(lower) }) : answer;
    },
    async check(whole) {
      const { plan, rows } = cut(whole);
      return restore(await executor.check(plan), rows, whole);
    },
    async submit(whole) {
      const { plan, rows } = cut(whole);
      return restore(await carryOut(plan), rows, whole);
    },
    readRates: () => buckets.map((bucket) => bucket.bytesPerSecond()),
    close: () => executor.close(),
  };
}

function restore(
  outcome: Result<Outcome, PlanFault>,
  rows: Uint32Array | undefined,
  { target }: BoundPlan,
): Result<Outcome, PlanFault> {
  if (!outcome.ok || !rows) return outcome;
  return success(restoreRows(outcome.value, rows, target.length));
}
