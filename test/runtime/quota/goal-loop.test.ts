import { afterEach, beforeEach, expect, test } from 'vitest';
import { limitMoves } from '../../../runtime/quota/limit-moves.ts';
import type { Quota } from '../../../runtime/quota/quota.ts';
import { createTwoTier, expectValue, populate } from '../../executor/two-tier.ts';
import { createMetricFiles, type MetricFiles } from './metric-files.ts';

const PAGE = 4096;
const FAST_PAGES = 40_000;
const TARGET = 0.25;
const FLOOR = 8 * PAGE;
const QUOTA: Quota = {
  to: [1],
  bytesPerSecond: 400 * PAGE,
  bytesPerSecondMin: FLOOR,
  goals: [{ metric: 'free-share', node: 0, target: TARGET }],
};

let files: MetricFiles;
beforeEach(() => (files = createMetricFiles()));
afterEach(() => files.remove());

/** A full fast node, a slow one, and a policy that demotes as much as its budget lets it, epoch by epoch. */
function createLoop() {
  const node = (id: number, capacityPages: number) => ({
    ...{ node: id, tier: id, hasCpus: id === 0, capacityPages, latencyNs: 100 + id, bandwidthMib: 0 },
  });
  const two = createTwoTier({ machine: { nodes: [node(0, FAST_PAGES), node(1, 2 * FAST_PAGES)] } });
  populate(two, 0, FAST_PAGES, 0);
  const clock = { ms: 0 };
  const limited = limitMoves(two.executor, [QUOTA], { nowMs: () => clock.ms, root: files.root });
  let next = 0;

  async function step() {
    clock.ms += 1000;
    const freeShare = two.machine.freePages(0) / FAST_PAGES;
    files.setMemory(0, FAST_PAGES * 4, two.machine.freePages(0) * 4);
    const { nodes } = expectValue(await limited.budgets('all'));
    const pages = Math.min(nodes[1].budget, FAST_PAGES - next);
    const plan = two.plan(pages > 0 ? [{ page: next, pages, target: 1 }] : []);
    const { movedPages } = expectValue(await limited.submit(plan));
    next += movedPages[0] ?? 0;
    return { freeShare, rate: limited.readRates()[0] };
  }

  return { machine: two.machine, step };
}

test('the free share reaches its target, and the rate falls to the floor', async () => {
  const { step } = createLoop();
  const seen = [];
  for (let second = 0; second < 120; second++) seen.push(await step());
  expect(Math.max(...seen.map(({ rate }) => rate))).toBe(QUOTA.bytesPerSecond);
  const reached = seen.findIndex(({ freeShare }) => freeShare >= TARGET);
  // All that was left to do at the ceiling, and the seconds it took to get there.
  expect(reached).toBeGreaterThan(20);
  expect(reached).toBeLessThan(45);
  for (const { rate } of seen.slice(10, reached)) expect(rate).toBe(QUOTA.bytesPerSecond);
  expect(seen[119].rate).toBe(FLOOR);
  expect(seen[119].freeShare).toBeLessThan(1.4 * TARGET);
  expect(seen[119].freeShare - seen[118].freeShare).toBeCloseTo(FLOOR / PAGE / FAST_PAGES, 9);
});

test('where a program keeps taking memory, the rate swings around what it takes, and the share around its target', async () => {
  const { machine, step } = createLoop();
  const takenPages = 100;
  const seen = [];
  for (let second = 0; second < 350; second++) {
    seen.push(await step());
    if (second > 40) machine.fill(0, takenPages);
  }
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const settled = seen.slice(150);
  expect(mean(settled.map(({ rate }) => rate / PAGE))).toBeGreaterThan(0.7 * takenPages);
  expect(mean(settled.map(({ rate }) => rate / PAGE))).toBeLessThan(1.3 * takenPages);
  expect(mean(settled.map(({ freeShare }) => freeShare))).toBeGreaterThan(0.9 * TARGET);
  expect(mean(settled.map(({ freeShare }) => freeShare))).toBeLessThan(1.1 * TARGET);
});
