import { describe, expect, test } from 'vitest';
import { BOUNDS, type Scope } from '../../executor/limits.ts';
import { createPace } from '../../executor/pace.ts';
import { createQuotas } from '../../executor/quota.ts';

const scope: Scope = {
  name: 'all',
  members: { kind: 'uid', uid: 0 },
  nodes: new Map(),
  pagesPerEpochMax: 1_000,
};

describe('quotas', () => {
  test('an epoch has its pages once, however many plans share them', () => {
    const quotas = createQuotas(() => 0);
    quotas.charge(scope, 1, 400);
    expect([quotas.left(scope, 1), quotas.left(scope, 2), quotas.leftInNewEpoch(scope)]).toEqual([
      600, 1_000, 1_000,
    ]);
    quotas.charge(scope, 1, 600);
    expect(quotas.left(scope, 1)).toBe(0);
    quotas.charge(scope, 2, 1);
    expect(quotas.left(scope, 2)).toBe(999);
  });

  test('bytes per second refill by the clock and never beyond one second’s worth', () => {
    let now = 0;
    const quotas = createQuotas(() => now);
    const metered = { ...scope, pagesPerEpochMax: 10_000, bytesPerSecondMax: 4_096 * 1_000 };
    expect(quotas.left(metered, 1)).toBe(1_000);
    quotas.charge(metered, 1, 1_000);
    expect(quotas.left(metered, 2)).toBe(0);
    now = 250;
    expect(quotas.left(metered, 2)).toBe(250);
    now = 60_000;
    expect(quotas.left(metered, 2)).toBe(1_000);
  });

  test('a rate below one huge page a second saves up for one', () => {
    const quotas = createQuotas(() => 0);
    expect(quotas.left({ ...scope, bytesPerSecondMax: 4_096 }, 1)).toBe(512);
  });

  test('scopes do not share', () => {
    const quotas = createQuotas(() => 0);
    quotas.charge(scope, 1, 1_000);
    expect(quotas.left({ ...scope, name: 'other' }, 1)).toBe(1_000);
  });

  test('a clock that goes backwards gains nothing', () => {
    let now = 1_000;
    const quotas = createQuotas(() => now);
    const metered = { ...scope, bytesPerSecondMax: 4_096 * 1_000 };
    quotas.charge(metered, 1, 1_000);
    now = 0;
    expect(quotas.left(metered, 2)).toBe(0);
  });
});

describe('pace', () => {
  test('starts with a batch of 512 and doubles while calls are short', () => {
    const pace = createPace(20, () => 0);
    expect(pace.batchPages(0)).toBe(BOUNDS.batchPagesStart);
    const sizes = [1, 2, 3, 4, 5, 6, 7].map(() => {
      const pages = pace.batchPages(0);
      pace.record(0, pages, pages, pages * 10);
      return pace.batchPages(0);
    });
    expect(sizes).toEqual([1_024, 2_048, 4_096, 8_192, 16_384, 16_384, 16_384]);
    expect(pace.batchPages(1)).toBe(BOUNDS.batchPagesStart);
  });

  test('aims at the latency target at once when calls are long', () => {
    const pace = createPace(20, () => 0);
    pace.record(0, 512, 512, 512 * 100_000);
    expect(pace.batchPages(0)).toBe(200);
    pace.record(0, 200, 200, 200 * 10_000_000);
    expect(pace.batchPages(0)).toBe(BOUNDS.batchPagesMin);
  });

  test('learns the cost of a move from enough pages, and from those that moved', () => {
    const pace = createPace(20, () => 0);
    pace.record(0, 5_000, 0, 5_000);
    pace.record(0, 511, 511, 511_000);
    expect(pace.moveCostNs(0)).toBe(0);
    pace.record(0, 512, 512, 512_000);
    expect(pace.moveCostNs(0)).toBeCloseTo(1_000);
    pace.record(0, 16_384, 16_384, 16_384 * 2_000);
    expect(pace.moveCostNs(0)).toBeGreaterThan(1_900);
    pace.record(0, 1, 1, 100_000);
    expect(pace.moveCostNs(0)).toBeLessThan(2_100);
  });
});
