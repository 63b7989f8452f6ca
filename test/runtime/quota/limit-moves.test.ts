import { describe, expect, test } from 'vitest';
import type { Executor } from '../../../executor/executor.ts';
import type { BoundPlan } from '../../../executor/plan.ts';
import { failure } from '../../../executor/result.ts';
import { limitMoves } from '../../../runtime/quota/limit-moves.ts';
import type { Quota } from '../../../runtime/quota/quota.ts';
import { backends, createOn, movesOf, physical, slowPage } from '../../executor/frames-stage.ts';
import {
  createTwoTier,
  expectValue,
  inWords,
  populate,
  type Entry,
  type TwoTier,
  type TwoTierOptions,
} from '../../executor/two-tier.ts';

const PAGE = 4096;
/** Pages that a bucket holds at least. */
const HUGE_PAGES = 512;
const FAST = 0;
const SLOW = 1;

/** An executor over a simulated machine behind quotas, and the plans that came through to it. */
function limit(two: TwoTier, quotas: readonly Quota[], inner: Partial<Executor> = {}) {
  const seen: BoundPlan[] = [];
  const clock = { ms: 0 };
  const executor: Executor = {
    ...two.executor,
    submit(plan) {
      seen.push(plan);
      return two.executor.submit(plan);
    },
    ...inner,
  };
  const limited = limitMoves(executor, quotas, { nowMs: () => clock.ms, root: '/nowhere' });
  return {
    ...{ two, seen, clock, limited },
    submit: async (entries: readonly Entry[]) =>
      inWords(expectValue(await limited.submit(two.plan(entries)))),
    budgets: async () => expectValue(await limited.budgets('all')).nodes.map(({ budget }) => budget),
  };
}

function create(quotas: readonly Quota[], options?: TwoTierOptions) {
  const two = createTwoTier(options);
  populate(two, 0, 900, FAST);
  populate(two, 10_000, 2000, SLOW);
  return limit(two, quotas);
}

const demote = (page: number, pages: number, priority = 0): Entry => ({
  page,
  pages,
  target: SLOW,
  priority,
});
const pagesPerSecond = (pages: number, changes: Partial<Quota> = {}): Quota => ({
  bytesPerSecond: pages * PAGE,
  ...changes,
});

describe('budgets', () => {
  test('show what is left of every quota that covers the node, or the executor’s own where that is less', async () => {
    const it = create([pagesPerSecond(700), pagesPerSecond(600, { to: [SLOW] })], {
      scope: { pagesPerEpochMax: 650 },
    });
    expect(await it.budgets()).toEqual([650, 600]);
    await it.submit([demote(0, 550)]);
    expect(await it.budgets()).toEqual([150, 50]);
    it.clock.ms = 100;
    expect(await it.budgets()).toEqual([220, 110]);
  });

  test('without quotas they are the executor’s, whose faults pass through', async () => {
    const it = create([]);
    expect(await it.budgets()).toEqual([100_000, 100_000]);
    expect(await it.limited.budgets('nobody')).toMatchObject({ code: 'scope-unknown' });
  });
});

describe('submit', () => {
  test('a plan that fits goes through as it is', async () => {
    const it = create([pagesPerSecond(600)]);
    const plan = it.two.plan([demote(0, 300), demote(300, 300)]);
    expectValue(await it.limited.submit(plan));
    expect(it.seen[0]).toBe(plan);
  });

  test('what is left goes to the highest priority, then to the first; smaller ones pass larger ones', async () => {
    const it = create([pagesPerSecond(600)]);
    const seen = await it.submit([
      demote(0, 100, 1),
      demote(100, 300, 7),
      demote(400, 250, 1),
      demote(650, 199, 1),
      demote(849, 1, 65_535),
      demote(850, 1, 0),
    ]);
    expect(seen.verdicts).toEqual(['moved', 'moved', 'over-budget', 'moved', 'moved', 'over-budget']);
    expect(seen.movedPages).toEqual([100, 300, 0, 199, 1, 0]);
    expect(it.seen[0].pages).toEqual(Uint32Array.of(100, 300, 199, 1));
    expect(await it.budgets()).toEqual([0, 0]);
  });

  test('one page too many is one too many', async () => {
    const it = create([pagesPerSecond(600)]);
    expect((await it.submit([demote(0, 601)])).verdicts).toEqual(['over-budget']);
    expect((await it.submit([demote(0, 600)])).verdicts).toEqual(['moved']);
  });

  test('a quota counts arrivals at its nodes only, and an entry needs room in each that covers it', async () => {
    const it = create([pagesPerSecond(700), pagesPerSecond(600, { to: [FAST] })]);
    const promote = { page: 10_000, pages: 601, target: FAST };
    expect((await it.submit([promote])).verdicts).toEqual(['over-budget']);
    expect((await it.submit([demote(0, 650)])).verdicts).toEqual(['moved']);
    expect((await it.submit([{ ...promote, pages: 51 }])).verdicts).toEqual(['over-budget']);
    expect((await it.submit([{ ...promote, pages: 50 }])).verdicts).toEqual(['moved']);
  });

  test('an entry that is let in keeps its owner', async () => {
    const it = create([pagesPerSecond(600)]);
    const other = it.two.machine.spawn();
    populate({ ...it.two, owner: other }, 0, 100, FAST);
    const seen = await it.submit([demote(0, 601), { ...demote(0, 100), owner: other }]);
    expect(seen.verdicts).toEqual(['over-budget', 'moved']);
    expect([it.two.machine.nodeOf(it.two.owner, 0), it.two.machine.nodeOf(other, 0)]).toEqual([FAST, SLOW]);
  });

  test('only pages that moved are charged', async () => {
    const it = create([pagesPerSecond(600)]);
    const seen = await it.submit([demote(10_000, 300), demote(800, 300)]);
    expect(seen.movedPages).toEqual([0, 100]);
    expect(await it.budgets()).toEqual([500, 500]);
  });

  test('a huge page that moves whole for one of its pages is charged whole, as a debt', async () => {
    const it = create([pagesPerSecond(600)], { limits: { partialHuge: 'round' } });
    it.two.machine.free(it.two.owner, 0, 900);
    it.two.machine.makeHuge(it.two.owner, 1024);
    expect((await it.submit([demote(10_000, 500), demote(1024, 100)])).movedPages).toEqual([0, HUGE_PAGES]);
    expect(await it.budgets()).toEqual([88, 88]);
    it.two.machine.free(it.two.owner, 1024, HUGE_PAGES);
    it.two.machine.makeHuge(it.two.owner, 2048);
    expect((await it.submit([demote(2048, 88)])).movedPages).toEqual([HUGE_PAGES]);
    it.clock.ms = 1000;
    expect(await it.budgets()).toEqual([176, 176]);
  });

  test('a second plan is not let in on the pages of one under way', async () => {
    const it = create([pagesPerSecond(600)]);
    const plans = [it.two.plan([demote(0, 400)]), it.two.plan([demote(400, 400)])];
    const outcomes = await Promise.all(plans.map((plan) => it.limited.submit(plan)));
    expect(outcomes.map((outcome) => inWords(expectValue(outcome)).verdicts)).toEqual([
      ['moved'],
      ['over-budget'],
    ]);
  });

  test.each([
    ['stale-topology', 600],
    ['executor-unreachable', 200],
    ['frame-too-large', 200],
  ] as const)('%s: %i pages are left, since a plan lost on the way may have moved', async (code, left) => {
    const it = create([pagesPerSecond(600)], {});
    const lost = limit(it.two, [pagesPerSecond(600)], { submit: async () => failure(code, 'gone') });
    expect(await lost.limited.submit(it.two.plan([demote(0, 400)]))).toMatchObject({ code });
    expect(await lost.budgets()).toEqual([left, left]);
  });

  test('frames are followed by the rows of the whole plan', async () => {
    const two = createOn(backends.move_pages);
    const frames = [0, 1, 2].map((page) => slowPage(two, page));
    const it = limit(two, [pagesPerSecond(1)]);
    const plan = physical(two, [
      { frame: frames[0], pages: HUGE_PAGES, target: FAST },
      { frame: frames[1], target: FAST },
      { frame: frames[2], target: FAST },
    ]);
    plan.priority.set([0, 1, 1]);
    const seen = inWords(expectValue(await it.limited.submit(plan)));
    expect(seen.verdicts).toEqual(['over-budget', 'moved', 'moved']);
    expect(movesOf(seen)).toEqual([
      [1, frames[1], two.machine.frameOf(two.owner, 1), 1],
      [2, frames[2], two.machine.frameOf(two.owner, 2), 1],
    ]);
  });
});

describe('check', () => {
  test('foretells what would be cut off and charges nothing', async () => {
    const it = create([pagesPerSecond(600)]);
    const plan = it.two.plan([demote(0, 400), demote(400, 400)]);
    for (let i = 0; i < 3; i++) {
      const { verdicts } = inWords(expectValue(await it.limited.check(plan)));
      expect(verdicts).toEqual(['permitted', 'over-budget']);
    }
    expect(await it.budgets()).toEqual([600, 600]);
    expect(await it.limited.check({ ...plan, topologyGeneration: 7 })).toMatchObject({
      code: 'stale-topology',
    });
  });
});

test('the rates can be read; close reaches the executor', async () => {
  const goals = [{ metric: 'psi-memory-some', target: 0.1 }] as const;
  const it = create([pagesPerSecond(600), pagesPerSecond(4000, { goals })]);
  expect(it.limited.readRates()).toEqual([600 * PAGE, HUGE_PAGES * PAGE]);
  await it.limited.close();
  expect(await it.two.executor.budgets('all')).toMatchObject({ code: 'executor-unreachable' });
});
