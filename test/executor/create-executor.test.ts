import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../executor/create-executor.ts';
import { type Journal, type JournalEnd, createMemoryJournal } from '../../executor/journal.ts';
import type { Kernel } from '../../executor/kernel.ts';
import { BOUNDS } from '../../executor/limits.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { type Failure, failure, success } from '../../executor/result.ts';
import { createTwoTier, expectValue, populate } from './two-tier.ts';

const unwritable = failure('journal-unwritable', 'the disk is full');

describe('budgets', () => {
  test('tell room, quota and the cost of moves measured so far', async () => {
    const two = createTwoTier({
      scope: { nodes: { '0': { pagesMax: 700 }, '1': {} }, pagesPerEpochMax: 5_000 },
      limits: { reservePages: { '1': 100 } },
      machine: { moveCostNs: 2_000 },
    });
    populate(two, 0, 600, 1);
    await two.submit([{ page: 0, pages: 600, target: 0 }]);
    const { nodes, topologyGeneration } = expectValue(await two.executor.budgets('all'));
    expect(topologyGeneration).toBe(1);
    expect(nodes).toEqual([
      expect.objectContaining({
        node: 0,
        tier: 0,
        capacity: 1_000,
        room: 100,
        budget: 5_000,
        moveCostNs: 2_000,
      }),
      expect.objectContaining({
        node: 1,
        tier: 1,
        capacity: 4_000,
        room: 3_900,
        budget: 5_000,
        moveCostNs: 0,
      }),
    ]);
  });

  test('of a scope that is not there', async () => {
    const { executor } = createTwoTier();
    expect(await executor.budgets('none')).toMatchObject({ ok: false, code: 'scope-unknown' });
  });

  test('shrink with the bytes per second', async () => {
    let now = 0;
    const two = createTwoTier({ scope: { bytesPerSecondMax: 4_096 * 1_000 }, clock: { nowMs: () => now } });
    populate(two, 0, 900, 1);
    const left = async () => expectValue(await two.executor.budgets('all')).nodes[0].budget;
    expect(await left()).toBe(1_000);
    await two.submit([{ page: 0, pages: 900, target: 0 }]);
    expect(await left()).toBe(100);
    now = 500;
    expect(await left()).toBe(600);
  });
});

describe('the quota of an epoch', () => {
  test('is one for all its plans, and spent by what moved only', async () => {
    const two = createTwoTier({ scope: { pagesPerEpochMax: 5 } });
    populate(two, 0, 10, 1);
    two.machine.setFlags(two.owner, 0, { pinned: true });
    const first = await two.submit([{ page: 0, pages: 4, target: 0 }]);
    expect(first.movedPages).toEqual([3]);
    const second = await two.submit([4, 5, 6].map((page) => ({ page, target: 0 })));
    expect(second.verdicts).toEqual(['moved', 'moved', 'over-budget']);
    const next = await two.submit([{ page: 6, target: 0 }], { epoch: 2 });
    expect(next.verdicts).toEqual(['moved']);
  });
});

describe('the journal', () => {
  test('gets a line before and a line after, with counts', async () => {
    const two = createTwoTier();
    populate(two, 0, 3, 1);
    await two.submit([
      { page: 0, pages: 3, target: 0 },
      { page: 9, target: 0 },
    ]);
    expect(two.journal.lines).toEqual([
      { kind: 'begin', atMs: 0, epoch: 1, scope: 'all', entries: 2, pages: 4 },
      {
        ...{ kind: 'end', atMs: 0, epoch: 1, scope: 'all' },
        verdicts: { moved: 1, 'not-present': 1 },
        flows: [{ from: 1, to: 0, pages: 3 }],
        flowsOmitted: 0,
        calls: 1,
        callNs: 4_500,
        callKinds: { '0': 1 },
      },
    ]);
  });

  test('that cannot be written stops the plan before anything moves', async () => {
    const two = createTwoTier({ journal: { append: () => unwritable, close() {} } });
    populate(two, 0, 1, 1);
    const answer = await two.executor.submit(two.plan([{ page: 0, target: 0 }]));
    expect(answer).toMatchObject({ ok: false, code: 'journal-unwritable' });
    expect(two.machine.nodeOf(two.owner, 0)).toBe(1);
  });

  test('that fails after the moves is told of, and the outcome stands', async () => {
    const two = createTwoTier();
    populate(two, 0, 1, 1);
    const warned: Failure[] = [];
    const journal: Journal = {
      append: ({ kind }) => (kind === 'end' ? unwritable : success(undefined)),
      close() {},
    };
    const members = { kind: 'uid', uid: 0 };
    const scopes = { all: { members, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 9 } };
    const executor = createExecutor({
      kernel: two.machine.kernel,
      limits: expectValue(parseLimits({ scopes })),
      journal,
      clock: { nowMs: () => 0 },
      warn: (failed) => warned.push(failed),
    });
    const outcome = expectValue(await executor.submit(two.plan([{ page: 0, target: 0 }])));
    expect([...outcome.movedPages]).toEqual([1]);
    expect(warned).toEqual([unwritable]);
  });

  test('has bounded lines however many nodes a plan moves between', async () => {
    const count = 20;
    const two = createTwoTier({
      machine: {
        nodes: Array.from({ length: count }, (_, node) => ({
          ...{ node, tier: 0, hasCpus: true, capacityPages: 1_000, latencyNs: 100, bandwidthMib: 0 },
        })),
      },
      scope: { nodes: Object.fromEntries(Array.from({ length: count }, (_, node) => [node, {}])) },
    });
    const entries = Array.from({ length: count * count }, (_, page) => ({ page, target: page % count }));
    for (const { page } of entries) populate(two, page, 1, Math.floor(page / count));
    const seen = await two.submit(entries);
    expect(seen.outcome.flows.length).toBe(count * (count - 1));
    const end = two.journal.lines.at(-1) as JournalEnd;
    expect([end.flows.length, end.flowsOmitted]).toEqual([
      BOUNDS.journalFlowsMax,
      380 - BOUNDS.journalFlowsMax,
    ]);
    expect(JSON.stringify(end).length).toBeLessThan(BOUNDS.journalLineBytesMax);
  });
});

describe('a machine that cannot be read', () => {
  const broken = (changes: Partial<Kernel>) => {
    const two = createTwoTier({ scope: { nodes: { '0': { pagesMax: 10 }, '1': {} } } });
    populate(two, 0, 1, 1);
    const members = { kind: 'uid', uid: 0 };
    const scopes = { all: { members, nodes: { '0': { pagesMax: 10 }, '1': {} }, pagesPerEpochMax: 9 } };
    const executor = createExecutor({
      kernel: { ...two.machine.kernel, ...changes },
      limits: expectValue(parseLimits({ scopes })),
      journal: createMemoryJournal(),
      clock: { nowMs: () => 0 },
    });
    return { ...two, executor, plan: two.plan([{ page: 0, target: 0 }]) };
  };

  test.each<[string, Partial<Kernel>]>([
    ['topology', { topology: () => failure('no-zoneinfo', 'no zoneinfo') }],
    ['usage', { usage: () => failure('no-cgroup', 'no cgroup') }],
  ])('%s', async (_, changes) => {
    const { executor, plan } = broken(changes);
    const fault = { ok: false, code: 'topology-unreadable' };
    expect(await executor.submit(plan)).toMatchObject(fault);
    expect(await executor.check(plan)).toMatchObject(fault);
    expect(await executor.budgets('all')).toMatchObject(fault);
  });
});

test('once closed, the executor answers that it is', async () => {
  const two = createTwoTier();
  await two.executor.close();
  await two.executor.close();
  const fault = { ok: false, code: 'executor-unreachable' };
  expect(await two.executor.budgets('all')).toMatchObject(fault);
  expect(await two.executor.submit(two.plan([]))).toMatchObject(fault);
});

test('requests made at once are carried out one after the other', async () => {
  const two = createTwoTier({ scope: { pagesPerEpochMax: 1 } });
  populate(two, 0, 2, 1);
  const outcomes = await Promise.all([0, 1].map((page) => two.submit([{ page, target: 0 }])));
  expect(outcomes.map(({ verdicts }) => verdicts)).toEqual([['moved'], ['over-budget']]);
});

describe('protected owners', () => {
  test.each([
    ['pid', { protectedPids: [1_000] }],
    ['cgroup', { protectedCgroups: ['/'] }],
    ['uid', { protectedUids: [0] }],
  ])('by %s', async (_, limits) => {
    const two = createTwoTier({ limits });
    populate(two, 0, 1, 1);
    expect((await two.submit([{ page: 0, target: 0 }])).verdicts).toEqual(['protected']);
  });

  test('and owners of other scopes', async () => {
    const two = createTwoTier({ scope: { members: { kind: 'uid', uid: 5 } } });
    populate(two, 0, 1, 1);
    expect((await two.submit([{ page: 0, target: 0 }])).verdicts).toEqual(['out-of-scope']);
  });
});
