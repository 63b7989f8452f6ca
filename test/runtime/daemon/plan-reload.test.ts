import { describe, expect, test } from 'vitest';
import { planReload, type ReloadPlan } from '../../../runtime/daemon/plan-reload.ts';
import { hashSettings } from '../../../runtime/govern/hashes.ts';
import type { CheckedConfig, CheckedPolicy } from '../../../runtime/config/check.ts';
import { checkedOf, paperShelf } from './checked.ts';

type Changes = Parameters<typeof checkedOf>[0];

/** As the file says who decides, unless an operator has switched. */
const deciding = (before: CheckedConfig, byHand?: CheckedPolicy) => (scope: string) => {
  const { policy, settings } = byHand ?? before.scopes.find((each) => each.scope.name === scope)!.active;
  return { digest: policy.digest, settingsHash: hashSettings(settings) };
};

async function plan(from: Changes, to: Changes): Promise<ReloadPlan> {
  return planOf(await checkedOf(from), await checkedOf(to));
}

function planOf(before: CheckedConfig, after: CheckedConfig, byHand?: CheckedPolicy): ReloadPlan {
  const planned = planReload(before, after, deciding(before, byHand));
  if (!planned.ok) throw new Error(planned.message);
  return planned.value;
}

/** A plan in words. */
function inWords({ removed, added, changed }: ReloadPlan) {
  const name = ({ policy, settings }: CheckedPolicy) => `${policy.from} ${settings.heat}`;
  return {
    removed,
    added: added.map(({ scope }) => scope.name),
    changed: changed.map(({ checked, active, shadows }) => [
      checked.scope.name,
      active ? name(active) : 'stays',
      shadows.map((each) => (typeof each === 'number' ? each : name(each))),
    ]),
  };
}

const stays = { removed: [], added: [], changed: [['batch', 'stays', []]] };
const shadows = (...named: readonly (string | [string, number])[]) => ({
  scope: {
    shadows: named.map((each) =>
      typeof each === 'string' ? { policy: each } : { policy: each[0], settings: { heat: each[1] } },
    ),
  },
});

describe('who decides', () => {
  test.each<readonly [string, object, object]>([
    ['the same file', {}, {}],
    ['a default that is written down', {}, { settings: { heat: 1 } }],
    ['another name for the same file', { policy: 'a@1' }, { policy: 'b' }],
    ['a longer trial', {}, { trialEpochs: 99 }],
    ['another period', {}, { epochMs: 10 }],
    ['limits and quotas', {}, { limits: { harmEpochs: 9 }, quotas: [{ bytesPerSecond: 5000 }] }],
  ])('%s: stays', async (_, from, to) => {
    const shelf = paperShelf({ 'a@1': 'same', b: 'same' });
    const planned = planOf(await checkedOf({ scope: from }, shelf), await checkedOf({ scope: to }, shelf));
    expect(inWords(planned)).toEqual(stays);
  });

  test.each<readonly [string, object, string]>([
    ['another policy', { policy: 'eager' }, 'eager 1'],
    ['another version', { policy: 'heat@2' }, 'heat@2 1'],
    ['other settings', { settings: { heat: 2 } }, 'heat 2'],
    ['other bounds of the host', { host: { memoryPagesMax: 77 } }, 'heat 1'],
  ])('%s: is switched to', async (_, scope, active) => {
    expect(inWords(await plan({}, { scope })).changed).toEqual([['batch', active, []]]);
  });

  test('another file behind the same name is switched to', async () => {
    const after = await checkedOf({}, paperShelf({ heat: 'newer' }));
    expect(inWords(planOf(await checkedOf({}), after)).changed).toEqual([['batch', 'heat 1', []]]);
  });

  test('what an operator chose stays until the file names another than before', async () => {
    const [old, other, third] = await Promise.all(
      ['heat', 'eager', 'third'].map((policy) => checkedOf({ scope: { policy } })),
    );
    const byHand = other!.scopes[0]!.active;
    expect(inWords(planOf(old!, old!, byHand))).toEqual(stays);
    expect(inWords(planOf(old!, third!, byHand)).changed).toEqual([['batch', 'third 1', []]]);
  });

  test('there is no switch to who decides already, but for another host', async () => {
    const old = await checkedOf({});
    const after = await checkedOf({ scope: { policy: 'eager' } });
    const byHand = after.scopes[0]!.active;
    expect(inWords(planOf(old, after, byHand))).toEqual(stays);
    const other = { ...byHand, settings: { heat: 3 } };
    expect(inWords(planOf(old, after, other)).changed).toEqual([['batch', 'eager 1', []]]);
    const roomy = await checkedOf({ scope: { policy: 'eager', host: { memoryPagesMax: 77 } } });
    expect(inWords(planOf(old, roomy, byHand)).changed).toEqual([['batch', 'eager 1', []]]);
  });
});

describe('shadows', () => {
  test.each<readonly [string, object, object, readonly unknown[]]>([
    ['stay', shadows('a', 'b'), shadows('a', 'b'), [0, 1]],
    ['in another order stay, in the order of the file', shadows('a', 'b'), shadows('b', 'a'), [1, 0]],
    ['come in between', shadows('a', 'b'), shadows('a', 'c', 'b'), [0, 'c 1', 1]],
    ['go', shadows('a', 'b'), shadows('b'), [1]],
    ['with other settings are others', shadows(['a', 1], ['a', 2]), shadows(['a', 2], ['a', 3]), [1, 'a 3']],
    ['may be there twice', shadows('a', 'a'), shadows('a', 'a', 'a'), [0, 1, 'a 1']],
    ['of which one goes', shadows('a', 'a', 'b'), shadows('a', 'b'), [0, 2]],
  ])('%s', async (_, from, to, expected) => {
    expect(inWords(await plan(from, to)).changed).toEqual([['batch', 'stays', expected]]);
  });

  test('start anew where the bounds of hosts are others', async () => {
    const to = { scope: { ...shadows('a').scope, host: { fuelPerEpoch: 1 } } };
    expect(inWords(await plan(shadows('a'), to)).changed).toEqual([['batch', 'heat 1', ['a 1']]]);
  });
});

describe('scopes', () => {
  const scope = (more: object) => ({ policy: 'heat', ...more });
  const one = { cgroup: '/one', sensor: '/run/1' };
  const top = (scopes: object) => ({ top: { scopes } });

  test('come and go, the others stay', async () => {
    const [a, b, c] = ['/a', '/b', '/c'].map((each) => scope({ cgroup: each, sensor: `/run${each}` }));
    expect(inWords(await plan(top({ a, b }), top({ c, b })))).toEqual({
      ...{ removed: ['a'], added: ['c'], changed: [['b', 'stays', []]] },
    });
  });

  test.each([
    ['other members', { ...one, cgroup: '/two' }],
    ['members of another kind', { uid: 3, sensor: one.sensor }],
    ['another sensor', { ...one, sensor: '/run/2' }],
  ])('with %s are other scopes', async (_, to) => {
    const planned = await plan(top({ it: scope(one) }), top({ it: scope(to) }));
    expect(inWords(planned)).toEqual({ removed: ['it'], added: ['it'], changed: [] });
  });

  test('a slash at the end of a cgroup is no other cgroup', async () => {
    const planned = await plan(top({ it: scope(one) }), top({ it: scope({ ...one, cgroup: '/one/' }) }));
    expect(inWords(planned).removed).toEqual([]);
  });
});

test.each([
  ['executor', '/run/other'],
  ['launcher', '/run/other'],
  ['control', '/run/other'],
  ['policies', '/other'],
  ['decisions', '/other'],
])('%s needs a restart, whether it is changed, new or gone', async (key, value) => {
  const [without, withIt] = await Promise.all([checkedOf({}), checkedOf({ top: { [key]: value } })]);
  for (const [before, after] of [
    [without, withIt],
    [withIt, without],
  ] as const) {
    const planned = planReload(before, after, deciding(before));
    expect(planned).toMatchObject({
      code: 'config-needs-restart',
      message: expect.stringMatching(
        new RegExp(`^/etc/terrace/terrace\\.yaml:\\d+:\\d+ ${key} is \\S+ as long`),
      ),
    });
  }
});
