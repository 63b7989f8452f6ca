import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GOAL_SCORE, nextRate, SCORE_MAX, scoreOf } from '../../../runtime/quota/goal.ts';

const bounds = { floor: 100, ceiling: 1_000_000 };

describe('a score', () => {
  test('is the share of the target in basis points, bounded at twice the target', () => {
    expect(scoreOf(0.05, 0.1)).toBe(5000);
    expect(scoreOf(0.1, 0.1)).toBe(GOAL_SCORE);
    expect(scoreOf(0.15, 0.1)).toBe(14_999);
    expect(scoreOf(0.9, 0.1)).toBe(SCORE_MAX);
    expect(scoreOf(0, 0)).toBe(SCORE_MAX);
    expect(scoreOf(-0.1, 0.1)).toBe(0);
  });
});

describe('the feedback loop', () => {
  test.each([
    ['nothing reached: twice the rate', 1000, 0, 2000],
    ['half reached: half as much again', 1000, 5000, 1500],
    ['reached: as it is', 1000, GOAL_SCORE, 1000],
    ['a tenth beyond: a tenth less', 1000, 11_000, 900],
    ['twice the target: the floor', 1000, SCORE_MAX, 100],
    ['near the floor: the floor', 110, 19_000, 100],
    ['near the ceiling: the ceiling', 900_000, 0, 1_000_000],
  ])('%s', (_, last, score, next) => {
    expect(nextRate(last, score, bounds)).toBeCloseTo(next, 6);
  });

  test('a floor of 0 is not where it stays', () => {
    const free = { floor: 0, ceiling: 1000 };
    let rate = nextRate(500, SCORE_MAX, free);
    expect(rate).toBe(1);
    for (let i = 0; i < 10; i++) rate = nextRate(rate, 0, free);
    expect(rate).toBe(1000);
  });

  test('the ceiling is above the floor, whatever they are', () => {
    expect(nextRate(500, SCORE_MAX, { floor: 2000, ceiling: 1000 })).toBe(1000);
  });

  test('never leaves its bounds, and goes the right way, further the further off it is', () => {
    const score = fc.integer({ min: 0, max: SCORE_MAX });
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 1_000_000 }), score, score, (last, one, other) => {
        const next = nextRate(last, one, bounds);
        expect(next).toBeGreaterThanOrEqual(bounds.floor);
        expect(next).toBeLessThanOrEqual(bounds.ceiling);
        if (one <= GOAL_SCORE) expect(next).toBeGreaterThanOrEqual(last);
        if (one >= GOAL_SCORE) expect(next).toBeLessThanOrEqual(last);
        if (one <= other) expect(next).toBeGreaterThanOrEqual(nextRate(last, other, bounds));
      }),
    );
  });
});
