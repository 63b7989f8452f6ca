import { describe, expect, test } from 'vitest';
import { type Entry, createTwoTier, expectValue, inWords, populate } from './two-tier.ts';

const range = (first: number, count: number, target: number): Entry[] =>
  Array.from({ length: count }, (_, i) => ({ page: first + i, target }));

describe('entries', () => {
  test('move, stay in place, or are not there', async () => {
    const two = createTwoTier();
    populate(two, 10, 2, 1);
    const seen = await two.submit([
      { page: 10, target: 0 },
      { page: 11, target: 1 },
      { page: 12, target: 0 },
    ]);
    expect(seen.verdicts).toEqual(['moved', 'in-place', 'not-present']);
    expect(seen.movedPages).toEqual([1, 0, 0]);
    expect(seen.outcome.flows).toEqual([{ from: 1, to: 0, pages: 1 }]);
    expect(two.machine.nodeOf(two.owner, 10)).toBe(0);
  });

  test('of many pages move what is there; one refused page speaks for the entry', async () => {
    const two = createTwoTier();
    populate(two, 100, 4, 1);
    populate(two, 200, 4, 1);
    two.machine.setFlags(two.owner, 202, { mlocked: true });
    const seen = await two.submit([
      { page: 98, pages: 8, target: 0 },
      { page: 200, pages: 4, target: 0 },
    ]);
    expect(seen.verdicts).toEqual(['moved', 'mlocked']);
    expect(seen.movedPages).toEqual([4, 3]);
  });

  test('spread over nodes move in the rounds of their pages', async () => {
    const two = createTwoTier({
      machine: {
        nodes: [0, 1, 2].map((node) => ({
          ...{ node, tier: node, hasCpus: true, capacityPages: 100, latencyNs: 100, bandwidthMib: 0 },
        })),
      },
      scope: { nodes: { '0': {}, '1': {}, '2': {} } },
    });
    populate(two, 0, 5, 0);
    populate(two, 5, 5, 2);
    const seen = await two.submit([{ page: 0, pages: 10, target: 1 }]);
    expect(seen.verdicts).toEqual(['moved']);
    expect(seen.outcome.flows).toEqual([
      { from: 0, to: 1, pages: 5 },
      { from: 2, to: 1, pages: 5 },
    ]);
  });

  test('to swap are unsupported for now', async () => {
    const two = createTwoTier();
    populate(two, 10, 1, 1);
    expect((await two.submit([{ page: 10, target: 255 }])).verdicts).toEqual(['unsupported']);
  });
});

describe('rounds', () => {
  test('demotions make the room that promotions use', async () => {
    const two = createTwoTier();
    populate(two, 0, 1_000, 0);
    populate(two, 2_000, 50, 1);
    const seen = await two.submit([...range(2_000, 50, 0), ...range(0, 50, 1)]);
    expect(new Set(seen.verdicts)).toEqual(new Set(['moved']));
    expect(two.machine.freePages(0)).toBe(0);
  });

  test('without demotions a full node has no room', async () => {
    const two = createTwoTier();
    populate(two, 0, 1_000, 0);
    populate(two, 2_000, 1, 1);
    expect((await two.submit([{ page: 2_000, target: 0 }])).verdicts).toEqual(['no-room']);
  });

  test('what is moved away by others between rounds is not forced', async () => {
    const two = createTwoTier({
      machine: { beforeMove: (call) => call === 0 && two.machine.place(two.owner, 2_000, 0) },
    });
    populate(two, 0, 1, 0);
    populate(two, 2_000, 1, 1);
    const seen = await two.submit([
      { page: 2_000, target: 0 },
      { page: 0, target: 1 },
    ]);
    expect(seen.verdicts).toEqual(['in-place', 'moved']);
    expect(seen.movedPages).toEqual([0, 1]);
  });

  test('a topology that changes meanwhile leaves the rest unattempted', async () => {
    const node = { node: 7, tier: 2, hasCpus: false, capacityPages: 1, latencyNs: 0, bandwidthMib: 0 };
    const two = createTwoTier({ machine: { beforeMove: (call) => call === 0 && two.machine.addNode(node) } });
    populate(two, 0, 1, 0);
    populate(two, 2_000, 1, 1);
    const seen = await two.submit([
      { page: 2_000, target: 0 },
      { page: 0, target: 1 },
    ]);
    expect(seen.verdicts).toEqual(['not-attempted', 'moved']);
  });
});

describe('a target that fills up mid-call', () => {
  test.each([1, 2, 3, 4, 5, 6])('is counted exactly, however the kernel answers (seed %i)', async (seed) => {
    const two = createTwoTier({
      machine: { seed, beforeMove: (call) => call === 0 && two.machine.fill(0, 700) },
    });
    populate(two, 0, 1_000, 1);
    const seen = await two.submit(range(0, 1_000, 0));
    const onFast = [
      ...two.machine.nodesOf(
        two.owner,
        Float64Array.from({ length: 1_000 }, (_, i) => i),
      ),
    ];
    expect(seen.movedPages).toEqual(onFast.map((node) => (node === 0 ? 1 : 0)));
    expect(seen.verdicts.filter((name) => name === 'moved').length).toBe(300);
    // The failed call took the first 512; the rest was never asked for.
    expect(seen.verdicts.filter((name) => name === 'no-room').length).toBe(212);
    expect(seen.verdicts.filter((name) => name === 'not-attempted').length).toBe(488);
  });

  test.each([1, 2, 3, 4])('splits a huge page, of which a part arrives (seed %i)', async (seed) => {
    const two = createTwoTier({
      machine: { seed, beforeMove: (call) => call === 0 && two.machine.fill(0, 900) },
    });
    two.machine.fill(0, 600);
    two.machine.makeHuge(two.owner, 512);
    two.machine.fill(0, -600);
    const seen = await two.submit([{ page: 512, pages: 512, target: 0 }]);
    expect(seen.verdicts).toEqual(['no-room']);
    expect(seen.movedPages).toEqual([100]);
    expect(seen.outcome.flows).toEqual([{ from: 1, to: 0, pages: 100 }]);
  });
});

describe('what the kernel cannot take', () => {
  test('a pinned page is busy; the rest of its call counts although no status says so', async () => {
    const two = createTwoTier();
    populate(two, 0, 20, 1);
    two.machine.setFlags(two.owner, 7, { pinned: true });
    const seen = await two.submit(range(0, 20, 0));
    expect(seen.verdicts.map((name, page) => (name === 'moved' ? '' : `${page} ${name}`)).join('')).toBe(
      '7 busy',
    );
    expect(two.journal.lines.at(-1)).toMatchObject({ callKinds: { positive: 2 } });
  });

  test('pages busy once are asked again', async () => {
    const two = createTwoTier({ machine: { faults: { busyPerFolio: 0.3 }, seed: 3 } });
    populate(two, 0, 400, 1);
    const seen = await two.submit(range(0, 400, 0));
    const busy = seen.verdicts.filter((name) => name === 'busy').length;
    expect(seen.outcome.calls).toBe(2);
    // 0.3 squared of 400 is 36; without the second attempt it would be 120.
    expect(busy).toBeGreaterThan(10);
    expect(busy).toBeLessThan(70);
  });

  test('shared, mlocked, hugetlb, policy-bound and unmovable pages are not even asked for', async () => {
    const two = createTwoTier();
    populate(two, 0, 5, 1);
    two.machine.setFlags(two.owner, 0, { shared: true });
    two.machine.setFlags(two.owner, 1, { mlocked: true });
    two.machine.setFlags(two.owner, 2, { hugetlb: true });
    two.machine.setFlags(two.owner, 3, { policyBound: true });
    two.machine.setFlags(two.owner, 4, { movable: false });
    const seen = await two.submit(range(0, 5, 0));
    expect(seen.verdicts).toEqual(['shared', 'mlocked', 'hugetlb', 'policy-bound', 'unmovable']);
    expect(seen.outcome.calls).toBe(0);
  });

  test('the operator may allow them; a shared page then still needs a kernel that moves all', async () => {
    const allow = { mlocked: true, hugetlb: true, shared: true, policyBound: true };
    const two = createTwoTier({ limits: { allow } });
    populate(two, 0, 4, 1);
    two.machine.setFlags(two.owner, 0, { shared: true });
    two.machine.setFlags(two.owner, 1, { mlocked: true });
    two.machine.setFlags(two.owner, 2, { hugetlb: true });
    two.machine.setFlags(two.owner, 3, { policyBound: true });
    expect((await two.submit(range(0, 4, 0))).verdicts).toEqual([
      'kernel-refused',
      'moved',
      'moved',
      'moved',
    ]);
  });
});

describe('an owner that goes away', () => {
  test('before the plan: owner-gone', async () => {
    const two = createTwoTier();
    populate(two, 0, 3, 1);
    two.machine.exit(two.owner);
    expect((await two.submit(range(0, 3, 0))).verdicts).toEqual(['owner-gone', 'owner-gone', 'owner-gone']);
  });

  test('by exec during a call: unknown there, owner-gone after, even if the new memory looks moved', async () => {
    const two = createTwoTier({ machine: { beforeMove: (call) => call === 1 && replace() } });
    function replace() {
      const fresh = two.machine.exec(two.owner);
      two.machine.touchMany(
        fresh,
        Float64Array.from({ length: 4_000 }, (_, i) => i),
      );
    }
    two.machine.fill(0, 1_000);
    populate(two, 0, 2_000, 1);
    two.machine.fill(0, -1_000);
    const seen = await two.submit(range(0, 900, 0));
    const count = (name: string) => seen.verdicts.filter((verdict) => verdict === name).length;
    expect([count('moved'), count('unknown'), count('owner-gone')]).toEqual([512, 388, 0]);
    expect(seen.movedPages.reduce((a, b) => a + b)).toBe(512);
  });

  test('leaves the other owners’ entries alone', async () => {
    const two = createTwoTier({
      machine: { beforeMove: (call) => call === 0 && two.machine.exit(two.owner) },
    });
    const other = two.machine.spawn();
    populate(two, 0, 2, 1);
    populate({ ...two, owner: other }, 0, 2, 1);
    const seen = await two.submit([
      ...range(0, 2, 0),
      ...range(0, 2, 0).map((entry) => ({ ...entry, owner: other })),
    ]);
    expect(seen.verdicts).toEqual(['unknown', 'unknown', 'moved', 'moved']);
  });
});

describe('folios', () => {
  test('a huge page moves by one address and counts 512', async () => {
    const two = createTwoTier();
    two.machine.fill(0, 1_000);
    two.machine.makeHuge(two.owner, 1_024);
    two.machine.fill(0, -1_000);
    const seen = await two.submit([{ page: 1_024, pages: 512, target: 0 }]);
    expect([seen.verdicts, seen.movedPages]).toEqual([['moved'], [512]]);
    expect(seen.outcome.calls).toBe(1);
  });

  test.each([
    ['refuse', ['partial-huge', 'duplicate'], [0, 0]],
    ['round', ['moved', 'duplicate'], [512, 0]],
  ])('named in part, with partialHuge %s', async (partialHuge, verdicts, movedPages) => {
    const two = createTwoTier({ limits: { partialHuge } });
    two.machine.fill(0, 1_000);
    two.machine.makeHuge(two.owner, 1_024);
    two.machine.fill(0, -1_000);
    const seen = await two.submit([
      { page: 1_030, pages: 100, target: 0, priority: 2 },
      { page: 1_200, target: 0, priority: 1 },
    ]);
    expect([seen.verdicts, seen.movedPages]).toEqual([verdicts, movedPages]);
  });

  test('named twice go to the entry of higher priority, in whatever round', async () => {
    const two = createTwoTier();
    populate(two, 0, 1, 0);
    const seen = await two.submit([
      { page: 0, target: 0, priority: 1 },
      { page: 0, target: 1, priority: 2 },
    ]);
    expect(seen.verdicts).toEqual(['duplicate', 'moved']);
  });

  test('split between rounds are left for the next plan', async () => {
    const two = createTwoTier({
      machine: { beforeMove: (call) => call === 0 && two.machine.free(two.owner, 600, 1) },
    });
    two.machine.fill(0, 1_000);
    two.machine.makeHuge(two.owner, 512);
    two.machine.fill(0, -1_000);
    populate(two, 0, 1, 0);
    const seen = await two.submit([
      { page: 0, target: 1 },
      { page: 512, pages: 512, target: 0 },
    ]);
    expect([seen.verdicts, seen.movedPages]).toEqual([
      ['moved', 'busy'],
      [1, 0],
    ]);
  });
});

describe('check', () => {
  test('permits what fits and moves nothing', async () => {
    const two = createTwoTier();
    populate(two, 0, 1_000, 0);
    populate(two, 2_000, 3, 1);
    const plan = two.plan([...range(2_000, 3, 0), ...range(0, 2, 1)]);
    const seen = inWords(expectValue(await two.executor.check(plan)));
    expect(seen.verdicts).toEqual(['permitted', 'permitted', 'no-room', 'permitted', 'permitted']);
    expect(seen.outcome).toMatchObject({ calls: 0, flows: [] });
    expect(two.machine.freePages(0)).toBe(0);
    expect(two.journal.lines).toEqual([]);
  });
});
