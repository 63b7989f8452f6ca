import { lateShareMax } from '../limits.ts';
import type { Clock } from './clock.ts';

/** When epochs begin: at whole periods after the first one, however long each takes. */
export interface Pace {
  /** Resolves when the next epoch is due, at once if it is overdue; or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void>;
  /** Epochs that began later than `lateShareMax` of a period after they were due. */
  readonly late: number;
  /** Periods in which no epoch began, since the one before took until after them. */
  readonly dropped: number;
  readonly periodMs: number;
  /** The next epoch is due that long from now. */
  setPeriod(periodMs: number): void;
}

export function createPace(clock: Pick<Clock, 'steadyMs' | 'sleep'>, firstPeriodMs: number): Pace {
  let periodMs = firstPeriodMs;
  let dueMs = clock.steadyMs() + periodMs;
  let late = 0;
  let dropped = 0;
  let wake = (): void => {};

  function begin(): void {
    const lateMs = clock.steadyMs() - dueMs;
    const missed = Math.floor(lateMs / periodMs);
    if (missed > 0) dropped += missed;
    if (lateMs - Math.max(0, missed) * periodMs > lateShareMax * periodMs) late++;
    dueMs += (Math.max(0, missed) + 1) * periodMs;
  }

  async function sleep(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    wake = () => woken.abort();
    const stop = wake;
    signal.addEventListener('abort', stop, { once: true });
    await clock.sleep(ms, woken.signal);
    signal.removeEventListener('abort', stop);
  }

  return {
    async next(signal) {
      // Timers may fire a little early.
      for (let ms = 1; ms > 0 && !signal.aborted;) {
        ms = dueMs - clock.steadyMs();
        if (ms > 0) await sleep(ms, signal);
      }
      if (!signal.aborted) begin();
    },
    get late() {
      return late;
    },
    get dropped() {
      return dropped;
    },
    get periodMs() {
      return periodMs;
    },
    setPeriod(wantedMs) {
      if (wantedMs === periodMs) return;
      periodMs = wantedMs;
      dueMs = clock.steadyMs() + periodMs;
      // Whoever waits would come too late for a shorter one.
      wake();
    },
  };
}
