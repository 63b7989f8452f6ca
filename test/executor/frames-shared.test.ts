import { describe, expect, test } from 'vitest';
import { createExecutor } from '../../executor/create-executor.ts';
import { createMemoryJournal } from '../../executor/journal.ts';
import { FACT, type Kernel } from '../../executor/kernel.ts';
import { BOUNDS } from '../../executor/limits.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { OwnerRef } from '../../executor/plan.ts';
import { success } from '../../executor/result.ts';
import { backends, createOn, members, movesOf, slowPage, submitFrames } from './frames-stage.ts';
import { type TwoTier, type TwoTierOptions, expectValue } from './two-tier.ts';

describe.each(Object.entries(backends))('by %s', (_, backend) => {
  const create = (options?: TwoTierOptions) => createOn(backend, options);

  describe('memory of several processes', () => {
    /** A page of each of these cgroups' processes, all with the same frame; the first is charged. */
    function share(two: TwoTier, ...cgroups: string[]): { frame: number; sharers: OwnerRef[] } {
      const [first, ...others] = cgroups.map((cgroup) => two.machine.spawn({ cgroup }));
      two.machine.touch(first, 0);
      two.machine.place(first, 0, 1);
      for (const [i, other] of others.entries()) two.machine.shareFrame(first, 0, other, 100 + i);
      return { frame: two.machine.frameOf(first, 0), sharers: [first, ...others] };
    }
    const tenant = (allow: object = {}) => create({ scope: { members }, limits: { allow } });

    test('stays unless the operator allows it', async () => {
      const two = tenant();
      const { frame } = share(two, '/tenant', '/tenant/part');
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['shared']);
    });

    test('moves for all of them when it is allowed, and counts once', async () => {
      const two = tenant({ shared: true });
      const { frame, sharers } = share(two, '/tenant', '/tenant/part', '/tenant', '/tenant');
      const seen = await submitFrames(two, [{ frame, target: 0 }]);
      expect([seen.verdicts, seen.movedPages]).toEqual([['moved'], [1]]);
      const now = sharers.map((owner, i) => two.machine.frameOf(owner, i === 0 ? 0 : 99 + i));
      expect(new Set(now).size).toBe(1);
      expect(movesOf(seen)).toEqual([[0, frame, now[0], 1]]);
      expect(two.machine.usage()).toEqual(
        new Map([
          [0, 1],
          [1, 0],
        ]),
      );
    });

    test.each([
      ['/tenant', '/other'],
      ['/other', '/tenant'],
      ['/tenant', '/tenant', '/other'],
    ])('stays when one of them is of another scope: %s', async (...cgroups) => {
      const two = tenant({ shared: true });
      const { frame } = share(two, ...cgroups);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['out-of-scope']);
    });

    test('stays when one of them is protected', async () => {
      const two = create({ scope: { members }, limits: { allow: { shared: true }, protectedPids: [1_002] } });
      const { frame, sharers } = share(two, '/tenant', '/tenant');
      expect(sharers[1].pid).toBe(1_002);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['protected']);
    });

    test('stays when the cpuset of one of them forbids it', async () => {
      const two = tenant({ shared: true });
      const { frame, sharers } = share(two, '/tenant', '/tenant');
      two.machine.setCpuset(sharers[1], [1]);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['cpuset']);
    });

    test('stays when the page tables know of a mapper that nobody found', async () => {
      const two = tenant({ shared: true });
      const { frame, sharers } = share(two, '/tenant');
      two.machine.setFlags(sharers[0], 0, { shared: true });
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['unknown']);
    });

    test('stays when another cgroup is charged for it, although all mappers are members', async () => {
      const two = tenant();
      const { frame } = share(two, '/tenant');
      two.machine.markFrame(frame, { cgroup: '/other' });
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['out-of-scope']);
      two.machine.markFrame(frame, { cgroup: '/tenant/part' });
      two.machine.spawn({ cgroup: '/tenant/part' });
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['moved']);
    });

    test('moves as its remaining owner’s own once the others are gone', async () => {
      const two = tenant();
      const { frame, sharers } = share(two, '/tenant', '/tenant');
      two.machine.exit(sharers[0]);
      expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['moved']);
      expect(two.machine.nodeOf(sharers[1], 100)).toBe(0);
    });

    test('several mappers are sharers, even where page tables show each its part alone', async () => {
      const two = tenant();
      const { frame } = share(two, '/tenant', '/tenant');
      const { kernel } = two.machine;
      const parted: Kernel = {
        ...kernel,
        open(ref) {
          const opened = expectValue(kernel.open(ref));
          return success({
            ...opened,
            facts(page) {
              const facts = expectValue(opened.facts(page));
              return success({ ...facts, flags: facts.flags.map((flags) => flags & ~FACT.shared) });
            },
          });
        },
      };
      const scopes = { all: { members, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 9 } };
      const limits = expectValue(parseLimits({ scopes, ...backend }));
      const clock = { nowMs: () => 0 };
      const executor = createExecutor({ kernel: parted, limits, journal: createMemoryJournal(), clock });
      expect((await submitFrames({ ...two, executor }, [{ frame, target: 0 }])).verdicts).toEqual(['shared']);
    });

    test('a shared huge folio moves whole for both', async () => {
      const two = tenant({ shared: true });
      const [a, b] = [0, 1].map(() => two.machine.spawn({ cgroup: '/tenant' }));
      two.machine.fill(0, 600);
      two.machine.makeHuge(a, 512);
      two.machine.fill(0, -600);
      two.machine.shareFrame(a, 512, b, 2_048);
      const frame = two.machine.frameOf(a, 512);
      const seen = await submitFrames(two, [{ frame, pages: 512, target: 0 }]);
      expect([seen.verdicts, seen.movedPages]).toEqual([['moved'], [512]]);
      expect(two.machine.frameOf(b, 2_048 + 5)).toBe(two.machine.frameOf(a, 512 + 5));
    });
  });

  test('more mappers than a plan may have to do with leave frames alone', async () => {
    const two = create({ limits: { allow: { shared: true } } });
    const frame = slowPage(two);
    for (let i = 0; i < BOUNDS.ownersMax; i++) two.machine.shareFrame(two.owner, 0, two.machine.spawn(), 5);
    expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['unknown']);
    two.machine.exit(two.owner);
    expect((await submitFrames(two, [{ frame, target: 0 }])).verdicts).toEqual(['moved']);
  });
});
