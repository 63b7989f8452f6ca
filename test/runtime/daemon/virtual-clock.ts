import type { Clock } from '../../../runtime/daemon/clock.ts';
import type { Timer } from '../../../runtime/policy/host-process.ts';

/** Time that passes only when it is told to. */
export interface VirtualClock extends Clock {
  readonly timer: Timer;
  /** How long whoever sleeps has asked to sleep, in the order in which they began. */
  asleep(): readonly number[];
  /** And until when. */
  dues(): readonly number[];
  /** Wakes, one after the other, whoever is due until then, and lets each go on as far as it gets. */
  pass(ms: number): Promise<void>;
}

interface Sleeper {
  readonly ms: number;
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Its steady time begins at 0, its date at `DATE_MS`. */
export const DATE_MS = 1_800_000_000_000;

export function createVirtualClock(): VirtualClock {
  const sleepers = new Set<Sleeper>();
  let now = 0;

  function add(ms: number, action: () => void): () => void {
    const sleeper = { ms, dueMs: now + ms, wake: action };
    sleepers.add(sleeper);
    return () => sleepers.delete(sleeper);
  }

  async function pass(ms: number): Promise<void> {
    await settle();
    const until = now + ms;
    for (;;) {
      const next = [...sleepers].filter(({ dueMs }) => dueMs <= until).sort((a, b) => a.dueMs - b.dueMs)[0];
      now = Math.max(now, next?.dueMs ?? until);
      if (next) sleepers.delete(next);
      next?.wake();
      await settle();
      if (!next) return;
    }
  }

  return {
    nowMs: () => DATE_MS + now,
    steadyMs: () => now,
    timer: add,
    asleep: () => [...sleepers].map(({ ms }) => ms),
    dues: () => [...sleepers].map(({ dueMs }) => dueMs),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const cancel = add(ms, resolve);
        const abort = (): void => {
          cancel();
          resolve();
        };
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { once: true });
      }),
    pass,
  };
}

/** Whatever waits for nothing outside has happened. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
