import type { Executor } from './executor.ts';
import { connectFrames } from './wire/frame-client.ts';
import { FAULTS, readBudgets, readOutcome } from './messages.ts';
import type { BoundPlan, PlanFault } from './plan.ts';
import { success, type Result } from './result.ts';

const peer = {
  name: 'executor',
  command: 'node executor/main.ts --limits FILE --socket PATH',
  unreachable: 'executor-unreachable',
  codes: FAULTS,
} as const;

/** An executor process behind its socket; what is lost on the way fails with `executor-unreachable`. */
export async function connectExecutor(socketPath: string): Promise<Result<Executor, PlanFault>> {
  const client = await connectFrames<PlanFault>(socketPath, peer);
  if (!client.ok) return client;
  const { ask, close } = client.value;

  function askAboutPlan(kind: 'check' | 'submit', plan: BoundPlan) {
    return ask({ kind, plan }, (value) => readOutcome(value, plan.target.length));
  }

  return success({
    budgets: (scope) => ask({ kind: 'budgets', scope }, readBudgets),
    check: (plan) => askAboutPlan('check', plan),
    submit: (plan) => askAboutPlan('submit', plan),
    close,
  });
}
