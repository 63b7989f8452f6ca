import type { Executor } from '../../executor/executor.ts';
import type { PlanFault, ScopeMembers } from '../../executor/plan.ts';
import { failure, type Result } from '../../executor/result.ts';
import { limitMoves, type LimitedExecutor } from '../quota/limit-moves.ts';
import type { Quota } from '../quota/quota.ts';
import type { QuotaMeans } from '../quota/tuner.ts';

export interface ScopeExecutorOptions {
  /** One for all scopes; it stays open. */
  readonly executor: Executor;
  /** What the configuration takes the scope for. */
  readonly members: ScopeMembers;
  readonly quotas: readonly Quota[];
  readonly means: QuotaMeans;
}

export interface ScopeExecutor extends Executor {
  /** Whoever waits for an answer waits no longer. */
  close(): Promise<void>;
  setQuotas(quotas: readonly Quota[]): void;
}

/**
 * The executor as one scope may use it: within its quotas, and only while the executor means the same memory by the
 * scope's name as the configuration does, or nothing that was checked about overlaps would hold.
 */
export function limitToScope({ executor, members, quotas, means }: ScopeExecutorOptions): ScopeExecutor {
  const { orClosed, close } = createGate();
  const checked: Executor = {
    async budgets(scope) {
      const answer = await orClosed(executor.budgets(scope));
      if (!answer.ok || isSame(answer.value.members, members)) return answer;
      return failure(
        'scope-mismatch',
        `the executor takes the scope ${scope} for ${describe(answer.value.members)}, the configuration for ` +
          `${describe(members)}: let both files say the same`,
      );
    },
    check: (plan) => orClosed(executor.check(plan)),
    submit: (plan) => orClosed(executor.submit(plan)),
    close,
  };
  let limited: LimitedExecutor = limitMoves(checked, quotas, means);
  let inForce = quotas;
  return {
    budgets: (scope) => limited.budgets(scope),
    check: (plan) => limited.check(plan),
    submit: (plan) => limited.submit(plan),
    close: () => limited.close(),
    setQuotas(wanted) {
      // What was used up stays used up where nothing changed.
      if (JSON.stringify(wanted) === JSON.stringify(inForce)) return;
      inForce = wanted;
      limited = limitMoves(checked, wanted, means);
    },
  };
}

/** One scope's end must not wait for an executor that hangs and is not its own to close. */
function createGate() {
  const waiting = new Set<() => void>();
  return {
    orClosed<T>(answer: Promise<Result<T, PlanFault>>): Promise<Result<T, PlanFault>> {
      return new Promise((resolve) => {
        const giveUp = (): void => resolve(CLOSED);
        waiting.add(giveUp);
        void answer.then(resolve).finally(() => waiting.delete(giveUp));
      });
    },
    async close() {
      for (const giveUp of waiting) giveUp();
    },
  };
}

const CLOSED = failure('executor-unreachable', 'the executor had not answered when the scope ended');

function isSame(a: ScopeMembers, b: ScopeMembers): boolean {
  return describe(a) === describe(b);
}

function describe(members: ScopeMembers): string {
  return members.kind === 'cgroup' ? `the cgroup ${members.path}` : `the user ${members.uid}`;
}
