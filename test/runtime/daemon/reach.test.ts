import { expect, test } from 'vitest';
import type { Executor } from '../../../executor/executor.ts';
import { failure, success } from '../../../executor/result.ts';
import { reachExecutor, reachSource } from '../../../runtime/daemon/reach.ts';
import type { TelemetrySource } from '../../../runtime/telemetry/source.ts';
import { createTwoTier, populate } from '../../executor/two-tier.ts';
import { sampleOf } from '../samples.ts';
import { settle } from './virtual-clock.ts';

/** An executor that is not there until `come`, and what became of the connections to it. */
function createPeer<T extends { close(): Promise<void> }>(peer: T, unreachable: 'executor' | 'sensor') {
  const connections = { asked: 0, open: 0 };
  let there = false;
  return {
    connections,
    come: () => (there = true),
    async connect() {
      connections.asked++;
      await settle();
      if (!there) return failure(`${unreachable}-unreachable` as never, 'not there yet');
      connections.open++;
      return success({
        ...peer,
        close: async () => void connections.open--,
      });
    },
  };
}

test('an executor fails every request until it is there, and then one connection serves all', async () => {
  const two = createTwoTier();
  populate(two, 0, 4, 0);
  const { connections, come, connect } = createPeer<Executor>(two.executor, 'executor');
  const executor = reachExecutor(connect);
  expect(connections.asked).toBe(0);
  const plan = two.plan([{ page: 0, pages: 4, target: 1 }]);
  for (const answer of [executor.budgets('all'), executor.check(plan), executor.submit(plan)])
    expect(await answer).toMatchObject({ code: 'executor-unreachable' });
  come();
  expect(await executor.budgets('all')).toMatchObject({ ok: true });
  expect(await executor.check(plan)).toMatchObject({ ok: true });
  expect(await executor.submit(plan)).toMatchObject({ value: { movedPages: Uint32Array.of(4) } });
  expect(connections.open).toBe(1);
  await executor.close();
  expect(connections.open).toBe(0);
});

test('scopes that ask at the same time share one connection', async () => {
  const { connections, come, connect } = createPeer<Executor>(createTwoTier().executor, 'executor');
  const executor = reachExecutor(connect);
  const ask = () => Promise.all([1, 2, 3].map(() => executor.budgets('all')));
  for (const answer of await ask()) expect(answer).toMatchObject({ code: 'executor-unreachable' });
  come();
  for (const answer of await ask()) expect(answer).toMatchObject({ ok: true });
  expect(connections).toEqual({ asked: 2, open: 1 });
});

test('a sensor likewise; one that is still being connected to is closed, too', async () => {
  const sample = sampleOf([{ owner: 0, page: 1 }]);
  const { connections, come, connect } = createPeer<TelemetrySource>(
    { next: async () => success(sample), close: async () => {} },
    'sensor',
  );
  const source = reachSource(connect);
  await source.close();
  expect(await source.next()).toMatchObject({ code: 'sensor-unreachable' });
  come();
  const first = source.next();
  await source.close();
  expect(await first).toEqual(success(sample));
  expect(connections).toEqual({ asked: 2, open: 0 });
});
