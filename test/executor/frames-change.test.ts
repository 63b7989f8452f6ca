import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../executor/create-executor.ts';
import type { FrameMappers } from '../../executor/frame-mappers.ts';
import { createMemoryJournal } from '../../executor/journal.ts';
import type { Kernel } from '../../executor/kernel.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { failure, success } from '../../executor/result.ts';
import { backends, createOn, members, movesOf, physical, slowPage, submitFrames } from './frames-stage.ts';
import {
  type TwoTier,
  type TwoTierOptions,
  createTwoTier,
  expectValue,
  inWords,
  populate,
} from './two-tier.ts';

describe.each(Object.entries(backends))('by %s', (_, backend) => {
  const create = (options?: TwoTierOptions) => createOn(backend, options);

  describe('what changes under way', () => {
    test('a frame that another process of another scope holds by now is out of scope', async () => {
      const two = create({ scope: { members } });
      const ours = two.machine.spawn({ cgroup: '/tenant' });
      two.machine.touch(ours, 0);
      two.machine.place(ours, 0, 1);
      const frame = two.machine.frameOf(ours, 0);
      two.machine.exit(ours);
      const theirs = two.machine.spawn({ cgroup: '/other' });
      for (let page = 0; two.machine.frameOf(theirs, page - 1) !== frame; page++) {
        two.machine.touch(theirs, page);
        two.machine.place(theirs, page, 1);
      }
      const before = two.machine.usage();
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['out-of-scope']);
      expect(two.machine.usage()).toEqual(before);
    });

    /** A machine on which this happens after a plan was resolved and before its first call. */
    function meanwhile(
      happens: (two: TwoTier) => void,
      changes: (kernel: Kernel) => Partial<Kernel> = () => ({}),
    ) {
      const two = create();
      const kernel = two.machine.kernel;
      const limits = expectValue(
        parseLimits({
          scopes: {
            all: { members: { kind: 'uid', uid: 0 }, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 9 },
          },
          ...backend,
        }),
      );
      const watched: Kernel = {
        ...kernel,
        ...changes(kernel),
        open(ref) {
          const opened = expectValue(kernel.open(ref));
          let resolved = false;
          return success({
            ...opened,
            facts(page) {
              const facts = opened.facts(page);
              resolved = true;
              return facts;
            },
            frames(page, frame) {
              if (resolved) happens(two);
              resolved = false;
              return opened.frames(page, frame);
            },
          });
        },
      };
      const executor = createExecutor({
        ...{ kernel: watched, limits, journal: createMemoryJournal(), clock: { nowMs: () => 0 } },
      });
      return { ...two, executor };
    }

    test('a page that leaves its frame is not followed, and the frame not touched', async () => {
      const two = meanwhile(({ machine, owner }) => machine.place(owner, 0, 1));
      const frame = slowPage(two);
      const seen = await submitFrames(two, [{ frame, target: 0 }]);
      expect([seen.verdicts, seen.movedPages, seen.outcome.calls]).toEqual([['reused'], [0], 0]);
    });

    test('the others of its call go on', async () => {
      const two = meanwhile(({ machine, owner }) => machine.free(owner, 0, 1));
      const frames = [slowPage(two, 0), slowPage(two, 1)];
      const seen = await submitFrames(
        two,
        frames.map((frame) => ({ frame, target: 0 })),
      );
      expect([seen.verdicts, seen.movedPages]).toEqual([
        ['reused', 'moved'],
        [0, 1],
      ]);
    });

    test('a process that exits takes its frames with it', async () => {
      const two = meanwhile(({ machine, owner }) => machine.exit(owner));
      const frame = slowPage(two);
      const seen = await submitFrames(two, [{ frame, target: 0 }]);
      expect([seen.verdicts, seen.outcome.calls]).toEqual([['owner-gone'], 0]);
    });

    test('a process that exits in the middle of the call leaves nothing known', async () => {
      const two = create({ machine: { faults: { exitPerCall: 1 } } });
      const frame = slowPage(two);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['unknown']);
    });

    test('a node that is unplugged ends the plan, and makes the next one stale', async () => {
      const third = { node: 2, tier: 2, hasCpus: false, capacityPages: 100, latencyNs: 900, bandwidthMib: 0 };
      const two = create({
        machine: { beforeMove: (call) => call === 0 && two.machine.removeNode(2) },
        scope: { nodes: { '0': {}, '1': {}, '2': {} } },
      });
      two.machine.addNode(third);
      populate(two, 0, 1, 2);
      populate(two, 1, 1, 1);
      populate(two, 2, 1, 0);
      const wishes = [0, 1, 2].map((page) => ({
        frame: two.machine.frameOf(two.owner, page),
        target: [1, 0, 1][page],
      }));
      const plan = { ...physical(two, wishes), topologyGeneration: 2 };
      const seen = inWords(expectValue(await two.executor.submit(plan)));
      expect(seen.verdicts).toEqual(['not-attempted', 'not-attempted', 'moved']);
      expect(await two.executor.submit(plan)).toMatchObject({ ok: false, code: 'stale-topology' });
    });

    test('a process that comes to share a frame between rounds is seen', async () => {
      const two = create({
        machine: {
          beforeMove(call) {
            if (call === 0) two.machine.shareFrame(two.owner, 2_000, two.machine.spawn(), 7);
          },
        },
      });
      populate(two, 0, 1, 0);
      populate(two, 2_000, 1, 1);
      const wishes = [0, 2_000].map((page) => ({
        frame: two.machine.frameOf(two.owner, page),
        target: page === 0 ? 1 : 0,
      }));
      expect((await submitFrames(two, wishes)).verdicts).toEqual(['moved', 'shared']);
    });

    test('a frame freed between rounds is free, or holds what moved into it', async () => {
      for (const [nodes, verdict] of [
        [[0, 1, 2], 'free'],
        [[0, 1], 'reused'],
      ] as const) {
        const two = create({
          machine: {
            beforeMove: (call) => call === 0 && two.machine.free(two.owner, 2_000, 1),
            nodes: nodes.map((node) => ({
              ...{ node, tier: node, hasCpus: true, capacityPages: 100, latencyNs: 100, bandwidthMib: 0 },
            })),
          },
          scope: { nodes: Object.fromEntries(nodes.map((node) => [node, {}])) },
        });
        populate(two, 0, 1, 0);
        populate(two, 2_000, 1, 1);
        const target = nodes.length - 1;
        const frame = two.machine.frameOf(two.owner, 2_000);
        const wishes = [
          { frame: two.machine.frameOf(two.owner, 0), target },
          { frame, target: 0 },
        ];
        expect((await submitFrames(two, wishes)).verdicts).toEqual(['moved', verdict]);
        expect(two.machine.frameOf(two.owner, 0) === frame).toBe(verdict === 'reused');
      }
    });

    const withAnswer = (answer: number) => (kernel: Kernel) => ({
      mappers(head: Float64Array) {
        const found: FrameMappers = expectValue(kernel.mappers(head));
        return success({ ...found, answer: found.answer.map(() => answer) });
      },
    });
    test.each([
      ['cannot tell', withAnswer(0)],
      ['tells of some', withAnswer(2)],
      ['fails', () => ({ mappers: () => failure('x', 'x') })],
    ])('a search for mappers that %s leaves frames alone', async (_name, changes) => {
      const two = meanwhile(() => {}, changes);
      const frame = slowPage(two);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['unknown']);
    });

    test('a folio that is reshaped while it is read is busy, and the others go on', async () => {
      const two = meanwhile(
        () => {},
        (kernel) => ({
          frames(frame) {
            const facts = expectValue(kernel.frames(frame));
            if (frame.length < 3) return success(facts);
            return success({
              ...facts,
              folioStart: facts.folioStart.map((start, i) => (i === 1 ? start - 2 : start)),
              folioPages: facts.folioPages.map((pages, i) => (i === 1 ? 4 : pages)),
            });
          },
        }),
      );
      const frames = [0, 1, 2].map((page) => slowPage(two, page)).toSorted((a, b) => a - b);
      const wishes = frames.map((frame) => ({ frame, target: 0 }));
      const { verdicts } = await submitFrames(two, wishes);
      expect(verdicts.toSorted()).toEqual(['busy', 'moved', 'moved']);
    });

    test('frames that cannot be read are unknown; cgroups that cannot be read refuse the plan', async () => {
      const two = meanwhile(
        () => {},
        () => ({ frames: () => failure('x', 'x') }),
      );
      const frame = slowPage(two);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['unknown']);
      const tenant = create({ scope: { members } });
      const limits = expectValue(
        parseLimits({ scopes: { all: { members, nodes: { '0': {} }, pagesPerEpochMax: 9 } }, ...backend }),
      );
      const executor = createExecutor({
        kernel: { ...tenant.machine.kernel, cgroups: () => failure('no-cgroup', 'no cgroup') },
        ...{ limits, journal: createMemoryJournal(), clock: { nowMs: () => 0 } },
      });
      const answer = await executor.submit(physical(tenant, [{ frame: 7, target: 0 }]));
      expect(answer).toMatchObject({ ok: false, code: 'topology-unreadable' });
    });
  });
});

test('by frame, memory that changes hands in the call moves; its new holder’s is not counted', async () => {
  const stranger = { page: 50 };
  const two = createTwoTier({
    limits: backends.move_phys_pages,
    machine: {
      beforeMove(call) {
        if (call > 0) return;
        const frame = two.machine.frameOf(two.owner, 0);
        two.machine.free(two.owner, 0, 1);
        const other = two.machine.spawn();
        for (let page = stranger.page; two.machine.frameOf(other, page - 1) !== frame; page++) {
          two.machine.touch(other, page);
          two.machine.place(other, page, 1);
        }
      },
    },
  });
  populate(two, 0, 1, 1);
  const seen = await submitFrames(two, [{ frame: two.machine.frameOf(two.owner, 0), target: 0 }]);
  expect([seen.verdicts, seen.movedPages, movesOf(seen)]).toEqual([['vanished'], [0], []]);
  expect(two.machine.usage().get(0)).toBe(1);
});
