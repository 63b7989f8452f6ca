import { describe, expect, test } from 'vitest';
import type { Executor } from '../../../executor/executor.ts';
import type { ScopeMembers } from '../../../executor/plan.ts';
import { limitToScope } from '../../../runtime/daemon/scope-executor.ts';
import type { Quota } from '../../../runtime/quota/quota.ts';
import { createTwoTier, expectValue, populate } from '../../executor/two-tier.ts';

const PAGE = 4096;
const pagesPerSecond = (pages: number): Quota => ({ bytesPerSecond: pages * PAGE });
const batch: ScopeMembers = { kind: 'cgroup', path: '/batch' };

/** 900 pages on the fast node, behind quotas; time stands still. */
function create(
  quotas: readonly Quota[],
  {
    means = batch,
    says = batch,
    inner = {},
  }: { means?: ScopeMembers; says?: ScopeMembers; inner?: Partial<Executor> } = {},
) {
  const stage = createTwoTier({ scope: { members: means } });
  const two = { ...stage, owner: stage.machine.spawn({ cgroup: '/batch' }) };
  populate(two, 0, 900, 0);
  let closed = 0;
  const executor = { ...two.executor, close: async () => void closed++, ...inner };
  const limited = limitToScope({
    ...{ executor, members: says, quotas },
    means: { nowMs: () => 0, root: '/nowhere' },
  });
  return {
    two,
    limited,
    closed: () => closed,
    demote: (page: number, pages: number) => two.plan([{ owner: two.owner, page, pages, target: 1 }]),
  };
}

describe('what the scope is taken for', () => {
  test.each<readonly [ScopeMembers, ScopeMembers, string]>([
    [
      batch,
      { kind: 'cgroup', path: '/batch/inner' },
      'for the cgroup /batch, the configuration for the cgroup /batch/inner',
    ],
    [{ kind: 'uid', uid: 7 }, { kind: 'uid', uid: 8 }, 'for the user 7, the configuration for the user 8'],
    [{ kind: 'uid', uid: 7 }, batch, 'for the user 7, the configuration for the cgroup /batch'],
  ])('executor %j, configuration %j: scope-mismatch', async (means, says, message) => {
    const { limited } = create([], { means, says });
    expect(await limited.budgets('all')).toMatchObject({
      code: 'scope-mismatch',
      message: expect.stringContaining(message),
    });
  });

  test('the same: budgets are shown; the executor’s own faults pass through', async () => {
    const { limited } = create([]);
    expect(await limited.budgets('all')).toMatchObject({ ok: true });
    expect(await limited.budgets('nobody')).toMatchObject({ code: 'scope-unknown' });
    const user = { kind: 'uid', uid: 7 } as const;
    expect(await create([], { means: user, says: user }).limited.budgets('all')).toMatchObject({ ok: true });
  });
});

describe('quotas', () => {
  const left = async (limited: Executor) => expectValue(await limited.budgets('all')).nodes[0]!.budget;

  test('are in force, and used up', async () => {
    const { limited, demote } = create([pagesPerSecond(600)]);
    expect(await left(limited)).toBe(600);
    expectValue(await limited.submit(demote(0, 500)));
    expect(await left(limited)).toBe(100);
    expect(expectValue(await limited.check(demote(500, 101))).movedPages).toEqual(Uint32Array.of(0));
  });

  test('that are set again as they were stay used up; others begin anew', async () => {
    const { limited, demote } = create([pagesPerSecond(600)]);
    expectValue(await limited.submit(demote(0, 500)));
    limited.setQuotas([pagesPerSecond(600)]);
    expect(await left(limited)).toBe(100);
    limited.setQuotas([pagesPerSecond(700)]);
    expect(await left(limited)).toBe(700);
    expectValue(await limited.submit(demote(500, 300)));
    limited.setQuotas([pagesPerSecond(700)]);
    expect(await left(limited)).toBe(400);
    limited.setQuotas([]);
    expect(await left(limited)).toBe(100_000);
  });

  test('that are changed do not lift the mismatch', async () => {
    const { limited } = create([], { says: { kind: 'uid', uid: 1 } });
    limited.setQuotas([pagesPerSecond(700)]);
    expect(await limited.budgets('all')).toMatchObject({ code: 'scope-mismatch' });
  });
});

describe('the end of a scope', () => {
  test('leaves the executor open', async () => {
    const { limited, closed } = create([]);
    await limited.close();
    expect(closed()).toBe(0);
  });

  test.each(['budgets', 'check', 'submit'] as const)(
    'does not wait for an executor that hangs in %s',
    async (kind) => {
      const { limited, demote } = create([pagesPerSecond(600)], {
        inner: { [kind]: () => new Promise(() => {}) },
      });
      const answer = kind === 'budgets' ? limited.budgets('all') : limited[kind](demote(0, 1));
      await limited.close();
      expect(await answer).toMatchObject({ code: 'executor-unreachable' });
    },
  );
});
