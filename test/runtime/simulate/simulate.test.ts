import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_COST_MODEL } from '../../../runtime/cost-model.ts';
import { createCostMeter } from '../../../runtime/simulate/cost.ts';
import { createRandom } from '../../../runtime/simulate/random.ts';
import { createLivePages } from '../../../runtime/trace/live-pages.ts';

describe('random', () => {
  test('the same seed gives the same numbers, another seed others', () => {
    const draw = (seed: number) => Array.from({ length: 5 }, createRandom(seed).uniform);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test.each([0, 0.1, 2, 30, 500])('poisson(%d) has that mean and variance', (mean) => {
    const random = createRandom(7);
    const n = 20_000;
    const values = Array.from({ length: n }, () => random.poisson(mean));
    const average = values.reduce((a, b) => a + b, 0) / n;
    const variance = values.reduce((a, b) => a + (b - average) ** 2, 0) / n;
    const tolerance = 5 * Math.sqrt(mean / n);
    expect(Math.abs(average - mean)).toBeLessThanOrEqual(tolerance);
    expect(Math.abs(variance - mean)).toBeLessThanOrEqual(Math.max(tolerance, mean * 0.06));
  });
});

describe('cost meter', () => {
  test('all fast is 1, all slow is 1.9, moves cost time', () => {
    const fast = createCostMeter(DEFAULT_COST_MODEL);
    fast.addAccesses(0, 1000);
    expect(fast.totals()).toEqual({ fastTierHitRatio: 1, slowdown: 1 });
    const slow = createCostMeter(DEFAULT_COST_MODEL);
    slow.addAccesses(1, 1000);
    expect(slow.totals().fastTierHitRatio).toBe(0);
    expect(slow.totals().slowdown).toBeCloseTo(1.9, 10);
    fast.addMoves([{ from: 0, to: 1, pages: 2 }]);
    expect(fast.totals().slowdown).toBeCloseTo(1 + (2 * 3000) / ((1000 * 100) / 0.6), 10);
  });

  test('no access at all is no slowdown', () => {
    expect(createCostMeter(DEFAULT_COST_MODEL).totals()).toEqual({ fastTierHitRatio: 1, slowdown: 1 });
  });
});

describe('live pages', () => {
  test('agree with a set', () => {
    const pages = fc.uniqueArray(fc.nat(60), { maxLength: 20 }).map((list) => list.toSorted((a, b) => a - b));
    const step = fc.record({
      add: pages,
      freed: fc.uniqueArray(fc.nat(10), { maxLength: 4 }).map((list) => list.toSorted((a, b) => a - b)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const live = createLivePages();
        const oracle = new Set<number>();
        for (const { add, freed } of steps) {
          live.add(Float64Array.from(add));
          add.forEach((page) => oracle.add(page));
          const ranges = freed.map((at) => ({ pageNumber: at * 6, pages: 4 }));
          live.remove(ranges);
          for (const { pageNumber } of ranges) for (let i = 0; i < 4; i++) oracle.delete(pageNumber + i);
          expect([...live.pageNumber]).toEqual([...oracle].toSorted((a, b) => a - b));
        }
      }),
    );
  });
});
