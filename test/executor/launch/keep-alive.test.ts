import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextWaitMs } from '../../../executor/launch/back-off.ts';
import { keepAlive, type KeptAlive } from '../../../executor/launch/keep-alive.ts';
import { LAUNCH_BOUNDS } from '../../../executor/launch/limits.ts';
import type { ServiceEnding } from '../../../executor/launch/service-process.ts';

const { restartMsMin, restartMsMax, restartResetMs } = LAUNCH_BOUNDS;

describe('the wait before a service starts again', () => {
  test('doubles up to its maximum, and begins anew after a life that was long enough', () => {
    const waits = [0];
    for (let i = 0; i < 9; i++) waits.push(nextWaitMs(waits.at(-1)!, restartResetMs - 1));
    expect(waits.slice(1)).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
    expect(nextWaitMs(restartMsMax, restartResetMs)).toBe(restartMsMin);
  });

  test('is between its bounds, whatever the lives were', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 * restartResetMs)), (lives) => {
        let waitMs = 0;
        for (const livedMs of lives) {
          const next = nextWaitMs(waitMs, livedMs);
          expect(next).toBeGreaterThanOrEqual(livedMs >= restartResetMs ? restartMsMin : waitMs);
          expect(next).toBeLessThanOrEqual(restartMsMax);
          waitMs = next;
        }
      }),
    );
  });
});

type Life = ServiceEnding & { readonly livedMs: number };

const killed = (livedMs: number): Life => ({ code: null, signal: 'SIGKILL', livedMs });
const exited = (code: number): Life => ({ code, signal: null, livedMs: 0 });

/**
 * Lives one after the other on a clock that only they and the waits between them move. What comes after the last of
 * them lasts; so does a wait of `waitThatLasts`.
 */
function liveThrough(lives: readonly Life[], waitThatLasts?: number) {
  const { promise: lasting, resolve: endLast } = Promise.withResolvers<ServiceEnding>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const waits: number[] = [];
  const said: string[] = [];
  let [nowMs, lived, asked] = [0, 0, 0];
  async function end(life: Life): Promise<ServiceEnding> {
    nowMs += life.livedMs;
    return life;
  }
  const kept: KeptAlive = keepAlive({
    name: 'the executor',
    start() {
      const life = lives[lived++];
      if (!life) reach();
      return {
        ended: life ? end(life) : lasting,
        end() {
          asked++;
          endLast({ code: 0, signal: null });
        },
      };
    },
    clock: {
      nowMs: () => nowMs,
      async sleep(ms, stopped) {
        waits.push(ms);
        if (ms === waitThatLasts) await once(stopped!, 'abort');
        nowMs += ms;
      },
    },
    warn: ({ code, message }) => void said.push(`${code}: ${message}`),
  });
  return { kept, reached, waits, said, starts: () => lived, asked: () => asked };
}

describe('a service that is kept alive', () => {
  test('starts again each time, later and later, and soon once it lived for long', async () => {
    const { kept, reached, waits, said } = liveThrough([
      ...[killed(0), exited(1), killed(10), killed(restartResetMs), killed(0)],
    ]);
    await reached;
    expect(waits).toEqual([100, 200, 400, 100, 200]);
    expect(said.slice(0, 2)).toEqual([
      'service-ended: the executor was ended by SIGKILL; it starts again in 100 ms',
      'service-ended: the executor exited with 1; it starts again in 200 ms',
    ]);
    expect(kept.refusal()).toBeUndefined();
    await kept.end();
  });

  test('is not started again when it ends because it was asked to', async () => {
    const { kept, reached, said, starts, asked } = liveThrough([killed(0)]);
    await reached;
    await kept.end();
    expect([starts(), asked(), said.length]).toEqual([2, 1, 1]);
  });

  test('is not waited for when it is told to end, and not started either', async () => {
    const { kept, waits, starts } = liveThrough([killed(0), killed(0), killed(0)], 200);
    await new Promise(setImmediate);
    expect(waits).toEqual([100, 200]);
    await kept.end();
    expect(starts()).toBe(2);
  });

  test('that cannot use what it was given is not started again, unless it was ready before', async () => {
    const refused = liveThrough([exited(2)]);
    await new Promise(setImmediate);
    expect(refused.kept.refusal()).toEqual({
      ...{ ok: false, code: 'service-failed' },
      message: 'the executor exited with 2 before it was ready; mend what it says above',
    });
    expect(refused.starts()).toBe(1);
    await refused.kept.end();

    const trusted = liveThrough([exited(2)]);
    trusted.kept.trust();
    await trusted.reached;
    expect(trusted.kept.refusal()).toBeUndefined();
    await trusted.kept.end();
  });

  test('that could not be started at all is tried again', async () => {
    const { kept, reached, said } = liveThrough([
      { code: null, signal: null, error: 'spawn EAGAIN', livedMs: 0 },
    ]);
    await reached;
    expect(said).toEqual([
      'service-ended: the executor could not be started: spawn EAGAIN; it starts again in 100 ms',
    ]);
    await kept.end();
  });
});
