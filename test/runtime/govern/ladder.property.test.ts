import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  advance,
  compareLadders,
  createLadder,
  onDuty,
  type Happening,
  type Ladder,
  type LadderLimits,
} from '../../../runtime/govern/ladder.ts';

const LIMITS: LadderLimits = {
  failedEpochsMax: 3,
  retryEpochsMin: 4,
  retryEpochsMax: 32,
  recoveredEpochs: 5,
};

const happenings = fc.array(
  fc.constantFrom<Happening>('good', 'good', 'good', 'failed', 'harmful', 'unasked'),
  {
    maxLength: 400,
  },
);
const limits = fc
  .tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 8 }),
    fc.nat(5),
    fc.integer({ min: 1, max: 9 }),
  )
  .map(([failedEpochsMax, retryEpochsMin, doublings, recoveredEpochs]) => ({
    failedEpochsMax,
    retryEpochsMin,
    retryEpochsMax: retryEpochsMin * 2 ** doublings,
    recoveredEpochs,
  }));

/** Every ladder on the way, the first and the last included. */
function walk(policies: number, events: readonly Happening[], within: LadderLimits): Ladder[] {
  const ladders = [createLadder(policies)];
  for (const event of events) ladders.push(advance(ladders.at(-1)!, event, within));
  return ladders;
}

const repeat = (happening: Happening, times: number): Happening[] =>
  Array.from({ length: times }, () => happening);
const rungs = (policies: number, ...events: readonly Happening[][]): number[] =>
  walk(policies, events.flat(), LIMITS).map(onDuty);

describe('the ladder', () => {
  test('a policy gives way after so many failures in a row, and not before', () => {
    expect(rungs(1, repeat('failed', 2), ['good'], repeat('failed', 2)).at(-1)).toBe(0);
    expect(rungs(1, repeat('failed', 3)).at(-1)).toBe(1);
    expect(rungs(1, ['harmful']).at(-1)).toBe(1);
  });

  test('what others did wrong neither counts nor interrupts the row', () => {
    expect(rungs(1, repeat('unasked', 50)).at(-1)).toBe(0);
    expect(rungs(1, ['failed', 'unasked', 'failed', 'unasked', 'failed']).at(-1)).toBe(1);
  });

  test('first the last good one, then hold; back by and by, on trial at one failure, ever later', () => {
    const failing = rungs(2, repeat('failed', 60));
    // Chosen for three epochs, last good for three; then each returns when its wait is over, for one epoch.
    expect(failing.slice(0, 18).join('')).toBe('000111202212222202');
    const waits = failing.flatMap((rung, epoch) => (rung === 0 ? [epoch] : []));
    expect(waits).toEqual([0, 1, 2, 7, 16, 33]);
  });

  test('good epochs on end make up for falls one by one', () => {
    const [before] = walk(1, repeat('failed', 3), LIMITS).slice(-1);
    expect(before.benches[0]).toEqual({ waitEpochs: 4, falls: 1 });
    const after = walk(1, [...repeat('failed', 3), ...repeat('good', 4 + 5)], LIMITS).at(-1)!;
    expect(after.benches[0]).toEqual({ waitEpochs: 0, falls: 0 });
  });

  test('it says what changed and why', () => {
    const [first, second] = walk(2, ['harmful'], LIMITS).slice(-2);
    expect(compareLadders(first, second, 'harmful')).toEqual({
      from: 0,
      to: 1,
      reason: 'harmful',
      waitEpochs: 4,
    });
    const steps = walk(2, ['harmful', ...repeat('good', 4)], LIMITS).slice(-2);
    expect(compareLadders(steps[0], steps[1], 'good')).toEqual({
      from: 1,
      to: 0,
      reason: 'retried',
      waitEpochs: 0,
    });
    expect(compareLadders(first, first, 'good')).toBeUndefined();
  });

  test('whatever happens, somebody on the ladder is on duty, and hold only when nobody else may', () => {
    fc.assert(
      fc.property(fc.nat(3), happenings, limits, (policies, events, within) => {
        for (const ladder of walk(policies, events, within)) {
          const rung = onDuty(ladder);
          expect(rung).toBeGreaterThanOrEqual(0);
          expect(rung).toBeLessThanOrEqual(policies);
          for (const bench of ladder.benches.slice(0, rung)) expect(bench.waitEpochs).toBeGreaterThan(0);
          for (const { waitEpochs } of ladder.benches)
            expect(waitEpochs).toBeLessThanOrEqual(within.retryEpochsMax);
        }
      }),
    );
  });

  test('whoever fell is off duty for exactly the wait that was told, unless there was none better before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), happenings, limits, (policies, events, within) => {
        const ladders = walk(policies, events, within);
        const duty = ladders.map(onDuty);
        events.forEach((event, i) => {
          const change = compareLadders(ladders[i], ladders[i + 1], event);
          if (!change || change.reason === 'retried') return;
          const { from, waitEpochs } = change;
          expect(waitEpochs).toBeGreaterThanOrEqual(within.retryEpochsMin);
          expect(duty.slice(i + 1, i + 1 + waitEpochs)).not.toContain(from);
          const next = duty[i + 1 + waitEpochs];
          if (next !== undefined) expect(next).toBeLessThanOrEqual(from);
        });
      }),
    );
  });

  test('hold takes any number of failures', () => {
    fc.assert(
      fc.property(happenings, limits, (events, within) => {
        expect(walk(0, events, within).map(onDuty)).toEqual(repeat('good', events.length + 1).map(() => 0));
      }),
    );
  });

  test('from wherever it is, the first rung is on duty again after the longest wait, and trusted again in the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), happenings, limits, (policies, events, within) => {
        const after = walk(policies, [...events, ...repeat('good', within.retryEpochsMax)], within).at(-1)!;
        expect(onDuty(after)).toBe(0);
        const later = walk(policies, [...events, ...repeat('good', within.retryEpochsMax + 64 * 10)], within);
        expect(later.at(-1)!.benches[0]).toEqual({ waitEpochs: 0, falls: 0 });
      }),
    );
  });
});
