import { afterEach, describe, expect, test } from 'vitest';
import { failure, success } from '../../../executor/result.ts';
import { hold } from '../../../runtime/govern/hold.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import { handOver } from '../../../runtime/reload/hand-over.ts';
import { snapshotOf } from '../policy/specimen.ts';
import {
  build,
  counter,
  inZoo,
  KEEPS_NONE,
  load,
  REFUSES_STATE,
  SAVE_TRAPS,
  type Edits,
} from './versions.ts';

const open: HostedPolicy[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((policy) => policy.close()));
});

async function start(...what: Parameters<typeof load>): Promise<HostedPolicy> {
  const policy = await load(...what);
  open.push(policy);
  return policy;
}

const startCounter = async (version: string, ...edits: Edits) =>
  start(await build(...counter(version, ...edits)), { moves: 1 });

/** Every column there is: it takes what it asks for. The first epoch, or `counter` has missed some. */
const columns = snapshotOf(8, {
  ...{ accesses: 1, writes: 2, idleEpochs: 3, pages: 4, place: 5, owner: 6, flags: 7, coverage: 8 },
  ...{ faultLatencyUs: 9, born: 10, verdict: 11, block: 12 },
});
const snapshot = { ...columns, number: 1 };

async function stateOf(policy: HostedPolicy): Promise<Uint8Array> {
  const saved = await policy.save();
  if (!saved.ok) throw new Error(saved.message);
  return saved.value;
}

const cold = (note: string) =>
  success({ initiated: false, note: expect.stringContaining(`starts without state: ${note}`) });

describe('state goes over, byte by byte', () => {
  test.each(['heat', 'probe'])('of %s', async (name) => {
    const component = name === 'heat' ? inZoo('heat') : await build('probe');
    const from = await start(component);
    expect(await from.evaluate(snapshot)).toMatchObject({ ok: true });
    const state = await stateOf(from);
    const to = await start(component, name === 'heat' ? { horizon: 20 } : { count: 9 });
    expect(await stateOf(to)).not.toEqual(state);
    const { stateVersion } = from.manifest;
    expect(await handOver(from, to)).toEqual(
      success({
        initiated: true,
        note: `took over ${state.length} bytes of state, version ${stateVersion}`,
      }),
    );
    expect(await stateOf(to)).toEqual(state);
    expect(await stateOf(from)).toEqual(state);
  });
});

describe('a cold start', () => {
  test('from a policy of another name', async () => {
    const [from, to] = [await start(inZoo('heat')), await startCounter('1.0.0')];
    expect(await handOver(from, to)).toEqual(cold('heat is another policy'));
  });

  test('from the built-in hold, even to one of its name', async () => {
    expect(await handOver(hold, await start(inZoo('hold')))).toEqual(cold('the old version keeps none'));
  });

  test('where one of the two keeps none', async () => {
    const [some, none] = [await startCounter('1.0.0'), await startCounter('2.0.0', KEEPS_NONE)];
    expect(await handOver(none, some)).toEqual(cold('the old version keeps none'));
    expect(await handOver(some, none)).toEqual(cold('the new version keeps none'));
  });

  test('where the new one does not take it, which both survive', async () => {
    const [from, to] = [await startCounter('1.0.0'), await startCounter('2.0.0', REFUSES_STATE)];
    expect(await from.evaluate(snapshot)).toMatchObject({ ok: true });
    const before = await stateOf(from);
    expect(await handOver(from, to)).toEqual(
      cold('the policy does not take this state and starts cold: not this one'),
    );
    expect(await stateOf(from)).toEqual(before);
    expect(await stateOf(to)).toEqual(new Uint8Array(8));
  });

  test('where the old one traps in saving it; a fresh host of it stands soon', async () => {
    const [from, to] = [await startCounter('1.0.0', SAVE_TRAPS), await startCounter('2.0.0')];
    expect(await handOver(from, to)).toEqual(cold('the old version could not save it (the policy trapped'));
    expect(await from.evaluate(snapshot)).toMatchObject({ ok: true });
  });
});

test('one that traps at the state is not to be used; the old one keeps its own', async () => {
  const from = await start(inZoo('heat'));
  await from.evaluate(snapshot);
  const before = await stateOf(from);
  const to = await start(await build('heat@brittle'));
  expect(await handOver(from, to)).toMatchObject(
    failure('policy-trapped', expect.stringContaining('without the policy')),
  );
  expect(await stateOf(from)).toEqual(before);
});
