import { expect, test } from 'vitest';
import { createPace, type Pace } from '../../../runtime/daemon/pace.ts';
import { lateShareMax } from '../../../runtime/limits.ts';
import { createVirtualClock, settle, type VirtualClock } from './virtual-clock.ts';

const PERIOD_MS = 100;
const LATE_MS = lateShareMax * PERIOD_MS;

/** A loop whose epochs take as long as they are told to; `begun` are the moments at which they began. */
function createLoop(clock: VirtualClock, lengthsMs: readonly number[] = []) {
  const pace = createPace(clock, PERIOD_MS);
  const stopping = new AbortController();
  const never = new AbortController().signal;
  const begun: number[] = [];

  async function run(): Promise<void> {
    for (;;) {
      await pace.next(stopping.signal);
      if (stopping.signal.aborted) return;
      begun.push(clock.steadyMs());
      const ms = lengthsMs[begun.length - 1] ?? 0;
      if (ms > 0) await clock.sleep(ms, never);
    }
  }
  return { pace, begun, ended: run(), stop: () => stopping.abort() };
}

const counts = ({ late, dropped }: Pace) => ({ late, dropped });

test('epochs begin at whole periods, however long each takes', async () => {
  const clock = createVirtualClock();
  const { pace, begun } = createLoop(clock, [30, 99, 1, 100]);
  await clock.pass(99);
  expect(begun).toEqual([]);
  await clock.pass(501);
  expect(begun).toEqual([100, 200, 300, 400, 500, 600]);
  expect(counts(pace)).toEqual({ late: 0, dropped: 0 });
});

test.each([
  ['up to the share is in time', LATE_MS, { late: 0, dropped: 0 }, [100, 210, 300]],
  ['above it is late', LATE_MS + 0.5, { late: 1, dropped: 0 }, [100, 210.5, 300]],
  ['short of a period is late', 99.5, { late: 1, dropped: 0 }, [100, 299.5, 300]],
  ['a period is one dropped, and the next in time', 100, { late: 0, dropped: 1 }, [100, 300, 400]],
  ['a period and the share', 100 + LATE_MS, { late: 0, dropped: 1 }, [100, 310, 400]],
  ['a period and more than the share', 100.5 + LATE_MS, { late: 1, dropped: 1 }, [100, 310.5, 400]],
  ['three periods', 300, { late: 0, dropped: 3 }, [100, 500, 600]],
])('an epoch that is due while another runs: %s', async (_, lateMs, expected, begins) => {
  const clock = createVirtualClock();
  const { pace, begun } = createLoop(clock, [PERIOD_MS + lateMs]);
  await clock.pass(begins.at(-1)!);
  expect(begun).toEqual(begins);
  expect(counts(pace)).toEqual(expected);
});

test('a timer that fires early is waited for again', async () => {
  const clock = createVirtualClock();
  let early = 3;
  const sleep: VirtualClock['sleep'] = (ms, signal) => clock.sleep(early-- > 0 ? ms / 2 : ms, signal);
  const { begun, pace } = createLoop({ ...clock, sleep });
  await clock.pass(99.9);
  expect(begun).toEqual([]);
  await clock.pass(100.1);
  expect(begun).toEqual([100, 200]);
  expect(counts(pace)).toEqual({ late: 0, dropped: 0 });
});

test('another period counts from when it is set, and whoever waits is woken for a shorter one', async () => {
  const clock = createVirtualClock();
  const { pace, begun } = createLoop(clock);
  await clock.pass(150);
  pace.setPeriod(20);
  expect(pace.periodMs).toBe(20);
  await clock.pass(60);
  expect(begun).toEqual([100, 170, 190, 210]);
  pace.setPeriod(1000);
  await clock.pass(1000);
  expect(begun.slice(4)).toEqual([1210]);
  expect(counts(pace)).toEqual({ late: 0, dropped: 0 });
});

test('the same period again changes nothing', async () => {
  const clock = createVirtualClock();
  const { pace, begun } = createLoop(clock);
  await clock.pass(50);
  pace.setPeriod(PERIOD_MS);
  await clock.pass(50);
  expect(begun).toEqual([100]);
});

test('an abort ends the wait at once; it is no epoch', async () => {
  const clock = createVirtualClock();
  const { pace, begun, ended, stop } = createLoop(clock);
  await clock.pass(50);
  stop();
  await ended;
  expect(clock.steadyMs()).toBe(50);
  expect(clock.asleep()).toEqual([]);
  expect(begun).toEqual([]);
  // And one that comes before the wait.
  const aborted = AbortSignal.abort();
  await pace.next(aborted);
  expect(counts(pace)).toEqual({ late: 0, dropped: 0 });
});

test('nothing is left of a wait that is over: signals are not heard by ever more', async () => {
  const clock = createVirtualClock();
  const signal = new AbortController().signal;
  let heard = 0;
  const counted = Object.create(signal, {
    aborted: { get: () => signal.aborted },
    addEventListener: { value: () => heard++ },
    removeEventListener: { value: () => heard-- },
  }) as AbortSignal;
  const pace = createPace(clock, PERIOD_MS);
  const next = pace.next(counted);
  await settle();
  expect(heard).toBe(1);
  await clock.pass(PERIOD_MS);
  await next;
  expect(heard).toBe(0);
});
