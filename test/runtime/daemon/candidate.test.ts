import { afterEach, beforeAll, expect, test } from 'vitest';
import type { CheckedScope } from '../../../runtime/config/check.ts';
import type { SwitchRequest } from '../../../runtime/control/operator.ts';
import { candidateOf, requestedCandidate } from '../../../runtime/daemon/candidate.ts';
import { hashSettings } from '../../../runtime/govern/hashes.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import { inZoo, load } from '../reload/versions.ts';
import { builtInShelf, checkedOf } from './checked.ts';
import { createCountedLaunch } from './counted-launch.ts';

/** `heat` is configured, with a setting. */
let checked: CheckedScope;
beforeAll(async () => {
  const scope = { settings: { horizon: 20 }, trialEpochs: 7, host: { memoryPagesMax: 900 } };
  checked = (await checkedOf({ scope }, builtInShelf)).scopes[0]!;
});

const open: HostedPolicy[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((policy) => policy.close()));
});

interface Serving {
  readonly digest: string;
  readonly settingsHash: string;
}

const { hosts, launch } = createCountedLaunch();

async function ask(request: Pick<SwitchRequest, 'policy' | 'settings'>, serving?: Serving) {
  const { digest } = checked.active.policy;
  const active = {
    ...{ name: 'heat', version: '1.0.0', digest, settingsHash: hashSettings(checked.active.settings) },
    ...{ sinceMs: 0, ...serving },
  };
  const candidate = requestedCandidate({ trialEpochs: 3, ...request }, checked, {
    ...{ shelf: builtInShelf, launch, active: () => active },
  });
  const loaded = await candidate.load();
  if (loaded.ok) open.push(loaded.value as HostedPolicy);
  return { candidate, loaded };
}

test('what the configuration names stands already', async () => {
  const policy = await load(inZoo('hold'));
  open.push(policy);
  const candidate = candidateOf(checked, policy);
  expect(candidate).toMatchObject({ named: 'heat', trialEpochs: 7 });
  expect(await candidate.load()).toEqual({ ok: true, value: policy });
});

test('what is asked for is found, given its settings and loaded by the launch of the daemon', async () => {
  const before = hosts.started;
  const { candidate, loaded } = await ask({ policy: 'heat@1.0.0', settings: { halfLife: 3 } });
  expect(candidate).toMatchObject({ named: 'heat@1.0.0', trialEpochs: 3 });
  expect(loaded).toMatchObject({
    value: { manifest: { name: 'heat' }, settings: { halfLife: 3, horizon: 10 } },
  });
  expect(hosts.started).toBe(before + 1);
});

test.each([
  ['of the configured name has the configured settings', 'heat', { horizon: 20 }],
  ['of another name has its own', 'hold', {}],
])('without settings a policy %s', async (_, policy, settings) => {
  const { loaded } = await ask({ policy }, { digest: 'another', settingsHash: '' });
  expect(loaded).toMatchObject({ ok: true, value: { settings } });
});

test('who decides already is not switched to; with other settings, or from another file, it is', async () => {
  for (const settings of [undefined, { horizon: 20 }])
    expect((await ask({ policy: 'heat', ...(settings && { settings }) })).loaded).toEqual({
      ...{ ok: false, code: 'policy-in-force' },
      message: 'heat@1.0.0 decides already, with these settings',
    });
  expect((await ask({ policy: 'heat', settings: { horizon: 21 } })).loaded.ok).toBe(true);
});

test.each([
  ['policy-not-found', { policy: 'nonsense' }],
  ['policy-not-found', { policy: '/nowhere.wasm' }],
  ['source-invalid', { policy: '/some.ts' }],
  ['setting-unknown', { policy: 'hold', settings: { horizon: 20 } }],
  ['setting-invalid', { policy: 'heat', settings: { horizon: 'soon' } }],
])('%s: %j, before any host is started', async (code, request) => {
  const before = hosts.started;
  expect((await ask(request as SwitchRequest)).loaded).toMatchObject({ code });
  expect(hosts.started).toBe(before);
});
