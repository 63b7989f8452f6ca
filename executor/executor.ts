import type { BoundPlan, Budgets, Outcome, PlanFault } from './plan.ts';
import type { Result } from './result.ts';

/**
 * The closed set of requests. The in-process executor and the client of the executor process answer the
 * same interface, so nothing above them knows which one it talks to.
 */
export interface Executor {
  /** Room and quota per node for a scope, from fresh kernel reads. */
  budgets(scope: string): Promise<Result<Budgets, PlanFault>>;
  /** Admits, resolves and validates; moves nothing. Verdicts are `permitted` or a refusal. */
  check(plan: BoundPlan): Promise<Result<Outcome, PlanFault>>;
  /** Carries the plan out and reports what the kernel did, never what it answered. */
  submit(plan: BoundPlan): Promise<Result<Outcome, PlanFault>>;
  close(): Promise<void>;
}
