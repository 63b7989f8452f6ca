import type { Executor } from '../../executor/executor.ts';
import type { PlanFault } from '../../executor/plan.ts';
import type { Result } from '../../executor/result.ts';
import type { SourceFault, TelemetrySource } from '../telemetry/source.ts';

/**
 * Connects when it is first needed, and keeps what answered: a process that is not there yet fails the requests
 * until it is, one that comes back is reached by its client.
 */
function reach<T extends { close(): Promise<void> }, Code extends string>(
  connect: () => Promise<Result<T, Code>>,
): { get(): Promise<Result<T, Code>>; close(): Promise<void> } {
  let connecting: Promise<Result<T, Code>> | undefined;
  return {
    async get() {
      // One connection, however many ask for it at once.
      const mine = (connecting ??= connect());
      const connected = await mine;
      if (!connected.ok && connecting === mine) connecting = undefined;
      return connected;
    },
    async close() {
      const connected = await connecting;
      if (connected?.ok) await connected.value.close();
    },
  };
}

/** An executor whose process may come later, and go and come back. */
export function reachExecutor(connect: () => Promise<Result<Executor, PlanFault>>): Executor {
  const executor = reach(connect);
  return {
    async budgets(scope) {
      const there = await executor.get();
      return there.ok ? there.value.budgets(scope) : there;
    },
    async check(plan) {
      const there = await executor.get();
      return there.ok ? there.value.check(plan) : there;
    },
    async submit(plan) {
      const there = await executor.get();
      return there.ok ? there.value.submit(plan) : there;
    },
    close: executor.close,
  };
}

/** A sensor, likewise. */
export function reachSource(connect: () => Promise<Result<TelemetrySource, SourceFault>>): TelemetrySource {
  const source = reach(connect);
  return {
    async next() {
      const there = await source.get();
      return there.ok ? there.value.next() : there;
    },
    close: source.close,
  };
}
