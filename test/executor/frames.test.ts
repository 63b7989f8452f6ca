import { describe, expect, test } from 'vitest';
import type { LooseState } from '../../executor/kernel-simulated.ts';
import { admit } from '../../executor/admit.ts';
import { createFlowTally } from '../../executor/flows.ts';
import { createFrameMoveTally } from '../../executor/follow-frames.ts';
import { BOUNDS } from '../../executor/limits.ts';
import { createPace } from '../../executor/pace.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { resolvePlan } from '../../executor/resolve-plan.ts';
import { submit } from '../../executor/submit.ts';
import { validate } from '../../executor/validate.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { backends, createOn, movesOf, physical, slowPage, submitFrames } from './frames-stage.ts';
import { type TwoTierOptions, expectValue, inWords, populate } from './two-tier.ts';

describe.each(Object.entries(backends))('by %s', (_, backend) => {
  const create = (options?: TwoTierOptions) => createOn(backend, options);

  test('a frame moves, and the outcome names where its contents went', async () => {
    const two = create();
    const frame = slowPage(two);
    const seen = await submitFrames(two, [{ frame, target: 0 }]);
    expect(seen.verdicts).toEqual(['moved']);
    expect(seen.movedPages).toEqual([1]);
    expect(seen.outcome.flows).toEqual([{ from: 1, to: 0, pages: 1 }]);
    expect(two.machine.nodeOf(two.owner, 0)).toBe(0);
    expect(movesOf(seen)).toEqual([[0, frame, two.machine.frameOf(two.owner, 0), 1]]);
  });

  test('the journal tells how its mappers were found', async () => {
    const two = create();
    await submitFrames(two, [{ frame: slowPage(two), target: 0 }]);
    const mappers = { cached: 0, walked: 0, scanned: 1, stale: 0 };
    expect(two.journal.lines.at(-1)).toMatchObject({ kind: 'end', mappers });
  });

  test('check foretells it and moves nothing', async () => {
    const two = create();
    const frame = slowPage(two);
    const seen = inWords(expectValue(await two.executor.check(physical(two, [{ frame, target: 0 }]))));
    expect([seen.verdicts, movesOf(seen), two.machine.frameOf(two.owner, 0)]).toEqual([
      ['permitted'],
      [],
      frame,
    ]);
  });

  test('a huge folio moves whole, by one entry', async () => {
    const two = create();
    two.machine.fill(0, 600);
    two.machine.makeHuge(two.owner, 512);
    two.machine.fill(0, -600);
    const frame = two.machine.frameOf(two.owner, 512);
    const seen = await submitFrames(two, [{ frame, pages: 512, target: 0 }]);
    expect([seen.verdicts, seen.movedPages]).toEqual([['moved'], [512]]);
    expect(movesOf(seen)).toEqual([[0, frame, two.machine.frameOf(two.owner, 512), 512]]);
  });

  test('a huge folio that arrives in part is followed page by page', async () => {
    const two = create({ machine: { beforeMove: (call) => call === 0 && two.machine.fill(0, 900) } });
    two.machine.fill(0, 600);
    two.machine.makeHuge(two.owner, 512);
    two.machine.fill(0, -600);
    const frame = two.machine.frameOf(two.owner, 512);
    const seen = await submitFrames(two, [{ frame, pages: 512, target: 0 }]);
    expect([seen.verdicts, seen.movedPages]).toEqual([['no-room'], [100]]);
    const expected = Array.from({ length: 100 }, (_each, i) => [
      0,
      frame + i,
      two.machine.frameOf(two.owner, 512 + i),
      1,
    ]);
    expect(movesOf(seen)).toEqual(expected);
  });

  test('a block of several folios moves folio by folio; what lies free between them says nothing', async () => {
    const two = create();
    const frames = [0, 1, 2, 3].map((page) => slowPage(two, page));
    two.machine.free(two.owner, 1, 1);
    const first = Math.min(...frames);
    const seen = await submitFrames(two, [{ frame: first, pages: 4, target: 0 }]);
    expect([seen.verdicts, seen.movedPages]).toEqual([['moved'], [3]]);
    const [, gone] = frames;
    expect(movesOf(seen).map(([, from]) => from)).toEqual(
      frames.filter((each) => each !== gone).toSorted((a, b) => a - b),
    );
  });

  test('part of a huge folio is refused or taken whole, as the operator says', async () => {
    for (const [partialHuge, verdict, moved] of [
      ['refuse', 'partial-huge', 0],
      ['round', 'moved', 512],
    ] as const) {
      const two = create({ limits: { partialHuge } });
      two.machine.fill(0, 600);
      two.machine.makeHuge(two.owner, 512);
      two.machine.fill(0, -600);
      const tail = two.machine.frameOf(two.owner, 700);
      const seen = await submitFrames(two, [{ frame: tail, target: 0 }]);
      expect([seen.verdicts, seen.movedPages]).toEqual([[verdict], [moved]]);
    }
  });

  test('two entries for one folio: the second is a duplicate', async () => {
    const two = create();
    const frame = slowPage(two);
    const seen = await submitFrames(two, [
      { frame, target: 0 },
      { frame, target: 0 },
    ]);
    expect(seen.verdicts).toEqual(['moved', 'duplicate']);
  });

  test('demotions make the room that promotions use', async () => {
    const two = create();
    populate(two, 0, 1_000, 0);
    populate(two, 2_000, 50, 1);
    const wish = (page: number, target: number) => ({ frame: two.machine.frameOf(two.owner, page), target });
    const range = Array.from({ length: 50 }, (_each, i) => i);
    const wishes = [...range.map((i) => wish(2_000 + i, 0)), ...range.map((i) => wish(i, 1))];
    const seen = await submitFrames(two, wishes);
    expect(new Set(seen.verdicts)).toEqual(new Set(['moved']));
    expect(seen.outcome.frames.entry.length).toBe(100);
  });

  test('no more moves than an outcome can name', () => {
    const two = create();
    populate(two, 0, 5, 1);
    const kernel = two.machine.kernel;
    const limits = expectValue(
      parseLimits({
        scopes: {
          all: { members: { kind: 'uid', uid: 0 }, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 9 },
        },
      }),
    );
    const topology = expectValue(kernel.topology());
    const frame = two.machine.frameOf(two.owner, 0);
    const admitted = expectValue(admit(physical(two, [{ frame, pages: 5, target: 0 }]), limits, topology));
    const { rows, owners } = resolvePlan(admitted, kernel, limits);
    const ground = {
      room: new Float64Array(256).fill(9),
      usage: new Map(),
      quotaPages: 9,
      pairs: new Uint8Array(65_536),
    };
    const moves = { ...createFrameMoveTally(BOUNDS.frameMovesMax), count: BOUNDS.frameMovesMax - 3 };
    const tally = { calls: 0, ns: 0, movedPages: 0, kinds: new Map(), flows: createFlowTally(), moves };
    const validated = validate(rows, rows.byPage, owners, ground, limits);
    const pace = createPace(20, () => 0);
    submit(validated, { owners, pace, tally, freeAboveWatermark: () => 9, moveFrames: undefined });
    expect([moves.count, tally.movedPages]).toEqual([BOUNDS.frameMovesMax, 3]);
    expect([...rows.verdict]).toEqual([
      VERDICT.moved,
      VERDICT.moved,
      VERDICT.moved,
      VERDICT.none,
      VERDICT.none,
    ]);
  });

  test('a pinned page is busy', async () => {
    const two = create();
    const frame = slowPage(two);
    two.machine.setFlags(two.owner, 0, { pinned: true });
    expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['busy']);
  });

  describe('a frame that is not to be moved', () => {
    test.each<[string, LooseState]>([
      ['not-present', 'usable'],
      ['kernel-memory', 'kernel'],
      ['offline', 'offline'],
      ['poisoned', 'poisoned'],
      ['unmovable', 'unmovable'],
    ])('%s: nobody maps it, and it is %s', async (verdict, state) => {
      const two = create();
      const frame = two.machine.addFrame(1, state);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual([verdict]);
    });

    test('free: what it held is gone', async () => {
      const two = create();
      const frame = slowPage(two);
      two.machine.free(two.owner, 0, 1);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['free']);
    });

    test('offline: there is no such frame', async () => {
      const two = create();
      expect((await submitFrames(two, [{ frame: 7, target: 0 }])).verdicts).toEqual(['offline']);
    });

    test.each<[string, LooseState]>([
      ['poisoned', 'poisoned'],
      ['offline', 'offline'],
      ['unmovable', 'unmovable'],
    ])('%s although a process maps it', async (verdict, state) => {
      const two = create();
      const frame = slowPage(two);
      two.machine.markFrame(frame, { state });
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual([verdict]);
    });

    test.each([
      ['mlocked', { mlocked: true }],
      ['hugetlb', { hugetlb: true }],
      ['policy-bound', { policyBound: true }],
      ['shared', { shared: true }],
      ['unmovable', { movable: false }],
    ] as const)('%s', async (verdict, properties) => {
      const two = create();
      const frame = slowPage(two);
      two.machine.setFlags(two.owner, 0, properties);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual([verdict]);
    });

    test('in-place, target-unknown, unsupported', async () => {
      const two = create();
      const frame = slowPage(two);
      const seen = await submitFrames(
        two,
        [1, 9, 255].map((target) => ({ frame, target })),
      );
      expect(seen.verdicts).toEqual(['in-place', 'target-unknown', 'unsupported']);
    });

    test('outside the cpuset of its mapper', async () => {
      const two = create();
      const frame = slowPage(two);
      two.machine.setCpuset(two.owner, [1]);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['cpuset']);
    });
  });
});
