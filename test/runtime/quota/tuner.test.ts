import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Failure } from '../../../executor/result.ts';
import { quotaTuningMsMin } from '../../../runtime/limits.ts';
import type { Goal, Quota } from '../../../runtime/quota/quota.ts';
import { createTuner } from '../../../runtime/quota/tuner.ts';
import { createMetricFiles, meminfoOf, type MetricFiles } from './metric-files.ts';

const HUGE_PAGE = 2_097_152;
const CEILING = 64 * HUGE_PAGE;
const free: Goal = { metric: 'free-share', node: 0, target: 0.5 };
const used: Goal = { metric: 'used-share', node: 1, target: 0.5 };
const stalls: Goal = { metric: 'psi-memory-some', target: 0.1 };

let files: MetricFiles;
beforeEach(() => (files = createMetricFiles()));
afterEach(() => files.remove());

function create(goals: readonly Goal[], changes: Partial<Quota> = {}) {
  const warnings: Failure[] = [];
  const clock = { ms: 0 };
  const tuner = createTuner(
    { bytesPerSecond: CEILING, goals, ...changes },
    { nowMs: () => clock.ms, root: files.root, warn: (failed) => warnings.push(failed) },
  );
  const tuneAt = (ms: number, last: number) => {
    clock.ms = ms;
    return tuner.tune(last);
  };
  return { tuner, tuneAt, warnings };
}

describe('a quota’s rate', () => {
  test('is the ceiling without goals, and begins at the floor with them', () => {
    expect(create([]).tuner.bytesPerSecondAtFirst).toBe(CEILING);
    expect(create([]).tuneAt(5000, CEILING)).toBe(CEILING);
    expect(create([free]).tuner.bytesPerSecondAtFirst).toBe(HUGE_PAGE);
    expect(create([free], { bytesPerSecondMin: 8192 }).tuner.bytesPerSecondAtFirst).toBe(8192);
    expect(create([free], { bytesPerSecond: 8192 }).tuner.bytesPerSecondAtFirst).toBe(8192);
  });

  test('follows the goal, once in so many milliseconds', () => {
    const { tuneAt } = create([free]);
    files.setMemory(0, 1000, 250);
    expect(tuneAt(0, HUGE_PAGE)).toBe(1.5 * HUGE_PAGE);
    files.setMemory(0, 1000, 0);
    expect(tuneAt(quotaTuningMsMin - 1, HUGE_PAGE)).toBe(HUGE_PAGE);
    expect(tuneAt(quotaTuningMsMin, HUGE_PAGE)).toBe(2 * HUGE_PAGE);
    expect(tuneAt(10, HUGE_PAGE)).toBe(2 * HUGE_PAGE);
  });

  test('of several goals the highest score counts', () => {
    const { tuneAt } = create([free, used]);
    files.setMemory(0, 1000, 100);
    files.setMemory(1, 1000, 625);
    expect(tuneAt(0, 8 * HUGE_PAGE)).toBe(10 * HUGE_PAGE);
    files.setMemory(1, 1000, 375);
    expect(tuneAt(1000, 8 * HUGE_PAGE)).toBe(6 * HUGE_PAGE);
  });

  test('pressure needs a second look', () => {
    const { tuneAt, warnings } = create([stalls]);
    files.setStalledUs(0);
    expect(tuneAt(0, HUGE_PAGE)).toBe(HUGE_PAGE);
    files.setStalledUs(50_000);
    expect(tuneAt(1000, HUGE_PAGE)).toBe(1.5 * HUGE_PAGE);
    expect(warnings).toEqual([]);
  });

  test('stays where a metric is missing, which is said once until it is there again', () => {
    const { tuneAt, warnings } = create([free, used]);
    files.setMemory(0, 1000, 1000);
    for (let ms = 0; ms < 5000; ms += 1000) expect(tuneAt(ms, 8 * HUGE_PAGE)).toBe(8 * HUGE_PAGE);
    expect(warnings).toMatchObject([
      { code: 'quota-metric-missing', message: expect.stringContaining('node1/meminfo') },
    ]);
    files.setMemory(1, 1000, 0);
    expect(tuneAt(5000, 8 * HUGE_PAGE)).toBe(HUGE_PAGE);
    expect(warnings).toHaveLength(1);
    files.write(meminfoOf(1), '');
    expect(tuneAt(6000, 8 * HUGE_PAGE)).toBe(8 * HUGE_PAGE);
    expect(tuneAt(7000, 8 * HUGE_PAGE)).toBe(8 * HUGE_PAGE);
    expect(warnings).toHaveLength(2);
  });

  test('nobody need listen', () => {
    const tuner = createTuner(
      { bytesPerSecond: CEILING, goals: [free] },
      { nowMs: () => 0, root: files.root },
    );
    expect(tuner.tune(5)).toBe(5);
  });
});
