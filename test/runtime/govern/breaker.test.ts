import { describe, expect, test } from 'vitest';
import { createBreaker, slowdownsOf } from '../../../runtime/govern/breaker.ts';
import { harmEpochsDefault, harmShareMaxDefault } from '../../../runtime/limits.ts';

const cost = (policy: number, hold: number, moveNs = 0) => ({
  ...{ lengthNs: 100, allFastNs: 1000, actualNs: 1000 * policy, heldNs: 1000 * hold },
  ...{ moveNs, heldMoveNs: 0 },
});
const LIMITS = { harmShareMax: 0.1, harmEpochs: 4 };

function tripsAt(costs: readonly ReturnType<typeof cost>[], limits = LIMITS): number {
  const breaker = createBreaker(limits);
  return costs.findIndex((each) => {
    breaker.add(each);
    return breaker.isTripped();
  });
}

describe('the breaker', () => {
  test('trips after so many epochs, above the share and not at it', () => {
    expect(tripsAt(Array(9).fill(cost(1.11, 1)))).toBe(3);
    expect(tripsAt(Array(9).fill(cost(1.375, 1.25)))).toBe(-1);
    expect(
      tripsAt(Array(40).fill(cost(1.06, 1)), {
        harmShareMax: harmShareMaxDefault,
        harmEpochs: harmEpochsDefault,
      }),
    ).toBe(harmEpochsDefault - 1);
  });

  test('adds up: good epochs now and then do not hide harm, a burst that pays is none', () => {
    expect(tripsAt([1.9, 1.9, 1.9, 1, 1.9].map((policy) => cost(policy, 1.2)))).toBe(3);
    expect(tripsAt([1.9, 1.1, 1.1, 1.1, 1.1].map((policy) => cost(policy, 1.25)))).toBe(-1);
  });

  test('forgets when another policy is on duty', () => {
    const breaker = createBreaker(LIMITS);
    for (let i = 0; i < 4; i++) breaker.add(cost(1.9, 1));
    expect(breaker.isTripped()).toBe(true);
    breaker.restart();
    for (let i = 0; i < 3; i++) breaker.add(cost(1.9, 1));
    expect(breaker.isTripped()).toBe(false);
  });

  test('moves slow the program by their share of its time, or of the epoch where it mostly sleeps', () => {
    expect(slowdownsOf([cost(1, 1, 100)])).toEqual({ policy: 1.1, hold: 1 });
    expect(slowdownsOf([{ ...cost(1, 1, 100), lengthNs: 10_000 }])).toEqual({ policy: 1.01, hold: 1 });
  });

  test('nobody is slowed down where nobody runs', () => {
    expect(slowdownsOf([{ ...cost(0, 0, 100), allFastNs: 0 }])).toEqual({ policy: 1, hold: 1 });
    expect(tripsAt(Array.from({ length: 9 }, () => ({ ...cost(0, 0, 1e9), allFastNs: 0 })))).toBe(-1);
  });
});
