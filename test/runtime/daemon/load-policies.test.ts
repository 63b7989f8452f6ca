import { expect, test } from 'vitest';
import { loadPolicies, type Wanted } from '../../../runtime/daemon/load-policies.ts';
import { failure } from '../../../executor/result.ts';
import { loadsAtOnceMax } from '../../../runtime/limits.ts';
import type { Launch } from '../../../runtime/policy/launch.ts';
import { builtInShelf, checkedOf } from './checked.ts';
import { createCountedLaunch } from './counted-launch.ts';

/** Policies of one scope, those beside it among them; the last one's host gets too little fuel to load, if it is starved. */
async function listWanted(isStarved: boolean): Promise<Wanted[]> {
  const shadows = [{ policy: 'heat', settings: { horizon: 20 } }, { policy: 'hold' }];
  const { scopes } = await checkedOf({ scope: { shadows } }, builtInShelf);
  const [{ scope, active, shadows: beside }] = scopes as [(typeof scopes)[0]];
  const starved = { ...scope, host: { ...scope.host, fuelPerCall: 0 } };
  return [active, ...beside].map((checked, i) => ({
    checked,
    scope: isStarved && i === 1 ? starved : scope,
  }));
}

test('a host for each, in the order in which they were asked for', async () => {
  const { hosts, launch } = createCountedLaunch();
  const loaded = await loadPolicies(await listWanted(false), launch);
  if (!loaded.ok) throw new Error(loaded.message);
  expect(loaded.value.map(({ manifest, settings }) => [manifest.name, settings.horizon])).toEqual([
    ['heat', 10],
    ['heat', 20],
    ['hold', undefined],
  ]);
  expect(hosts).toEqual({ started: 3, alive: 3 });
  await Promise.all(loaded.value.map((policy) => policy.close()));
  expect(hosts.alive).toBe(0);
});

test('one that fails fails them all, and no host is left', async () => {
  const { hosts, launch } = createCountedLaunch();
  expect(await loadPolicies(await listWanted(true), launch)).toMatchObject({ code: 'policy-out-of-fuel' });
  expect(hosts).toEqual({ started: 3, alive: 0 });
});

test('a few at a time', async () => {
  let [loading, most] = [0, 0];
  const launch: Launch = async () => {
    most = Math.max(most, ++loading);
    await new Promise((resolve) => setImmediate(resolve));
    loading--;
    return failure('host-failed', 'on purpose');
  };
  const wanted = (await listWanted(false)).flatMap((each) => [each, each, each]);
  expect(await loadPolicies(wanted, launch)).toMatchObject({ code: 'host-failed' });
  expect(most).toBe(loadsAtOnceMax);
});

test('nothing wanted is nothing loaded', async () => {
  expect(await loadPolicies([], undefined)).toEqual({ ok: true, value: [] });
});
