import { describe, expect, it } from 'vitest';
import { createPace } from '../../executor/pace.ts';

describe('the mean cost of a move', () => {
  it('is unknown until enough pages have moved', () => {
    const pace = createPace(20, () => 0);
    pace.record(1, 511, 511, 511_000);
    expect(pace.moveCostNs(1)).toBe(0);
    pace.record(2, 512, 512, 512_000);
    expect(pace.moveCostNs(2)).toBe(1_000);
    expect(pace.moveCostNs(0)).toBe(0);
  });

  it('hardly notices a call that entered the kernel for a few pages', () => {
    const pace = createPace(20, () => 0);
    pace.record(1, 4_096, 4_096, 4_096_000);
    pace.record(1, 2, 2, 200_000);
    expect(pace.moveCostNs(1)).toBeLessThan(1_100);
  });

  it('forgets: after the pages of a few calls the new price stands', () => {
    const pace = createPace(20, () => 0);
    pace.record(1, 4_096, 4_096, 40_960_000);
    for (let call = 0; call < 8; call++) pace.record(1, 4_096, 4_096, 4_096_000);
    expect(pace.moveCostNs(1)).toBeLessThan(1_100);
  });

  it('is told for a minute after the last call, then no more', () => {
    let nowMs = 0;
    const pace = createPace(20, () => nowMs);
    pace.record(1, 1_024, 1_024, 1_024_000);
    nowMs = 60_000;
    expect(pace.moveCostNs(1)).toBe(1_000);
    nowMs = 60_001;
    expect(pace.moveCostNs(1)).toBe(0);
  });

  it('is not touched by a call that moved nothing', () => {
    const pace = createPace(20, () => 0);
    pace.record(1, 1_024, 1_024, 1_024_000);
    pace.record(1, 64, 0, 9_000_000);
    expect(pace.moveCostNs(1)).toBe(1_000);
  });
});

describe('the batch', () => {
  it('aims at the duration, at most doubling, within its bounds', () => {
    const pace = createPace(20, () => 0);
    expect(pace.batchPages(1)).toBe(512);
    pace.record(1, 512, 512, 512_000);
    expect(pace.batchPages(1)).toBe(1_024);
    pace.record(1, 1_024, 1_024, 1_024 * 100_000);
    expect(pace.batchPages(1)).toBe(200);
    pace.record(1, 200, 200, 1e12);
    expect(pace.batchPages(1)).toBe(64);
    for (let call = 0; call < 12; call++) pace.record(1, 64, 64, 1);
    expect(pace.batchPages(1)).toBe(16_384);
  });
});
