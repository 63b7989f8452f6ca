import { describe, expect, test } from 'vitest';
import type { Executor } from '../../../executor/executor.ts';
import { failure, success } from '../../../executor/result.ts';
import { limitToScope } from '../../../runtime/daemon/scope-executor.ts';
import { createNews } from '../../../runtime/daemon/news.ts';
import { startScope } from '../../../runtime/daemon/scope.ts';
import { hold } from '../../../runtime/govern/hold.ts';
import { stopMsMax } from '../../../runtime/limits.ts';
import type { Evaluation, StatefulPolicy } from '../../../runtime/policy/policy.ts';
import type { TelemetrySource } from '../../../runtime/telemetry/source.ts';
import { createTwoTier, populate } from '../../executor/two-tier.ts';
import { sampleOf } from '../samples.ts';
import { checkedOf } from './checked.ts';
import { createVirtualClock, DATE_MS, settle } from './virtual-clock.ts';

const EPOCH_MS = 100;
const PAGES = 4;

/** Answers at once and in this process; wants the first page on the node that it is told. */
function createPolicy(name: string, target = 1) {
  const life = { asked: 0, closed: 0 };
  const lists = { priorities: new Uint16Array(), reasons: new Uint8Array(), headroom: new Uint32Array() };
  const plan = { regions: Uint32Array.of(0), targets: Uint8Array.of(target), ...lists, wishes: [] };
  const evaluation: Evaluation = { plan, inputHash: '', fuel: 5, log: [], logDropped: 0 };
  const policy: StatefulPolicy = {
    ...hold,
    ...{ manifest: { ...hold.manifest, name }, digest: `digest of ${name}` },
    async evaluate(_, handedOver) {
      life.asked++;
      handedOver?.();
      return success(evaluation);
    },
    save: async () => failure('host-failed', 'keeps none'),
    restore: async () => failure('restore-refused', 'takes none'),
    close: async () => void life.closed++,
  };
  return { policy, life };
}

async function start({
  executor: inner = {},
  source = {},
  shadows = [],
}: {
  readonly executor?: Partial<Executor>;
  readonly source?: Partial<TelemetrySource>;
  readonly shadows?: readonly StatefulPolicy[];
} = {}) {
  const stage = createTwoTier({ scope: { members: { kind: 'cgroup', path: '/batch.slice' } } });
  const two = { ...stage, owner: stage.machine.spawn({ cgroup: '/batch.slice' }) };
  populate(two, 0, PAGES, 0);
  const clock = createVirtualClock();
  const { scopes } = await checkedOf({ scope: { epochMs: EPOCH_MS } });
  const checked = { ...scopes[0]!, scope: { ...scopes[0]!.scope, name: 'all' } };
  const first = createPolicy('heat');
  const told: string[] = [];
  const pages = Float64Array.from({ length: PAGES }, (_, page) => page);
  const look = () =>
    sampleOf(
      Array.from(two.machine.nodesOf(two.owner, pages), (node, page) => ({ owner: 0, page, node })),
      [two.owner],
    );
  const loop = startScope({
    ...{ checked, policy: first.policy, shadows, clock },
    source: { next: async () => success(look()), close: async () => {}, ...source },
    executor: limitToScope({
      executor: { ...two.executor, ...inner },
      ...{ members: checked.scope.members, quotas: [] },
      means: { nowMs: clock.steadyMs, root: '/nowhere' },
    }),
    news: createNews('all', (line) => told.push(line)),
  });
  return { two, clock, checked, first, told, loop, epochs: (count: number) => clock.pass(count * EPOCH_MS) };
}

describe('status', () => {
  test('before the first epoch has nothing to tell but who decides', async () => {
    const { loop } = await start();
    expect(loop.status()).toEqual({
      ...{ scope: 'all', paused: false, epoch: 0, epochMs: EPOCH_MS, late: 0, dropped: 0, regions: 0 },
      ...{ duty: 'chosen', shadows: [] },
      active: expect.objectContaining({ name: 'heat', sinceMs: DATE_MS }),
      totals: { movedPages: 0, promotedPages: 0, demotedPages: 0, refused: 0, failed: 0 },
    });
    await loop.stop();
  });

  test('counts what was moved, and shows what the last epoch came to', async () => {
    const { loop, epochs } = await start();
    await epochs(3);
    expect(loop.status()).toMatchObject({
      ...{ epoch: 3, regions: PAGES, duty: 'chosen', fuel: 5, slowdowns: { hold: expect.any(Number) } },
      totals: { movedPages: 1, promotedPages: 0, demotedPages: 1, refused: 0, failed: 0 },
    });
    await loop.stop();
  });

  test('a fault is shown while it lasts; each counts, and the log has two lines of it', async () => {
    let broken = true;
    const budgets: Executor['budgets'] = (scope) =>
      broken ? Promise.resolve(failure('executor-unreachable', 'not there')) : healthy.budgets(scope);
    const healthy = createTwoTier({ scope: { members: { kind: 'cgroup', path: '/batch.slice' } } }).executor;
    const { loop, epochs, told } = await start({ executor: { budgets } });
    await epochs(2);
    const fault = { code: 'executor-unreachable', message: 'not there' };
    expect(loop.status()).toMatchObject({ epoch: 2, regions: 0, fault, totals: { failed: 2 } });
    broken = false;
    await epochs(1);
    expect(loop.status()).toMatchObject({ epoch: 3, regions: PAGES, totals: { failed: 2 } });
    expect(loop.status().fault).toBeUndefined();
    expect(told).toEqual([
      'all: epoch 1: executor-unreachable: not there',
      'all: epoch 3: no more executor-unreachable',
    ]);
    await loop.stop();
  });
});

test('while it is paused it asks and nothing moves; that is no failure', async () => {
  const { loop, two, first, epochs } = await start();
  loop.setPaused(true);
  await epochs(2);
  expect(loop.status()).toMatchObject({
    paused: true,
    fault: { code: 'paused' },
    totals: { movedPages: 0, failed: 0 },
  });
  expect([first.life.asked, two.machine.nodeOf(two.owner, 0)]).toEqual([2, 0]);
  loop.setPaused(false);
  await epochs(1);
  expect(loop.status()).toMatchObject({ paused: false, totals: { movedPages: 1 } });
  await loop.stop();
});

test('another configuration is in force from now on', async () => {
  const { loop, checked, clock, two } = await start();
  const limits = { ...checked.scope.limits, failedEpochsMax: 1 };
  const changed = {
    ...checked,
    scope: { ...checked.scope, epochMs: 10, limits, quotas: [{ bytesPerSecond: 4096 }] },
  };
  loop.configure(changed);
  expect(loop.checked).toBe(changed);
  await clock.pass(10);
  expect(loop.status()).toMatchObject({ epoch: 1, epochMs: 10 });
  expect(two.machine.nodeOf(two.owner, 0)).toBe(1);
  await loop.stop();
});

test('shadows that stay go on, in the order of the list, and those that go end', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => createPolicy(name)) as [Created, Created, Created];
  const { loop, epochs } = await start({ shadows: [a.policy, b.policy] });
  const shown = () => loop.status().shadows.map(({ name, epochs: seen }) => `${name} ${seen}`);
  await epochs(2);
  expect(shown()).toEqual(['a 2', 'b 2']);
  loop.setShadows([1, c.policy, 0]);
  await epochs(1);
  expect(shown()).toEqual(['b 3', 'c 1', 'a 3']);
  // Places are those of the list before: 2 is a.
  loop.setShadows([2, 1]);
  expect([a, b, c].map(({ life }) => life.closed)).toEqual([0, 1, 0]);
  await epochs(1);
  expect(shown()).toEqual(['a 4', 'c 2']);
  expect(b.life.asked).toBe(3);
  await loop.stop();
  expect([a, b, c].map(({ life }) => life.closed)).toEqual([1, 1, 1]);
});

test('the end waits for shadows that went before it', async () => {
  const gone = Promise.withResolvers<void>();
  const { policy } = createPolicy('slow to go');
  const { loop } = await start({ shadows: [{ ...policy, close: () => gone.promise }] });
  loop.setShadows([]);
  let ended = false;
  const end = loop.stop().then(() => (ended = true));
  await settle();
  expect(ended).toBe(false);
  gone.resolve();
  await end;
});

type Created = ReturnType<typeof createPolicy>;

describe('the end', () => {
  test('comes at once between epochs, and closes everything', async () => {
    let closed = 0;
    const { loop, clock, first } = await start({ source: { close: async () => void closed++ } });
    await clock.pass(150);
    await loop.stop();
    expect([clock.steadyMs(), closed, first.life, clock.asleep()]).toEqual([
      150,
      1,
      { asked: 1, closed: 1 },
      [],
    ]);
  });

  test('waits for the epoch under way', async () => {
    const answer = Promise.withResolvers<void>();
    const stage = createTwoTier();
    const { loop, epochs, first } = await start({
      executor: { submit: async (plan) => (await answer.promise, stage.executor.submit(plan)) },
    });
    await epochs(1);
    let ended = false;
    const end = loop.stop().then(() => (ended = true));
    await settle();
    expect([ended, first.life.closed]).toEqual([false, 0]);
    answer.resolve();
    await end;
    expect(loop.status().epoch).toBe(1);
  });

  test.each<readonly [string, Parameters<typeof start>[0]]>([
    ['an executor', { executor: { submit: () => new Promise(() => {}) } }],
    ['a sensor', createHangingSensor()],
  ])('does not wait for %s that hangs longer than its bound', async (_, options) => {
    const { loop, clock, epochs, first } = await start(options);
    await epochs(1);
    let ended = false;
    const end = loop.stop().then(() => (ended = true));
    await clock.pass(stopMsMax - 1);
    expect(ended).toBe(false);
    await clock.pass(1);
    await end;
    expect(first.life.closed).toBe(1);
  });
});

/** Its client fails what is under way when it is closed. */
function createHangingSensor() {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<TelemetrySource['next']>>>();
  return {
    source: {
      next: () => promise,
      close: async () => resolve(failure('sensor-unreachable', 'closed')),
    },
  };
}
