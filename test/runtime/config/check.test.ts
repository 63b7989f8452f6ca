import { describe, expect, test } from 'vitest';
import { failure } from '../../../executor/result.ts';
import { checkConfig } from '../../../runtime/config/check.ts';
import { configFaultsMax } from '../../../runtime/limits.ts';
import { openShelf, type Shelf } from '../../../runtime/policy/shelf.ts';
import { parsed, sample, scopeOf } from './sample.ts';

const shelf = openShelf({ build: () => Promise.resolve(failure('source-invalid', 'nothing is built here')) });
const check = (text: string, from = shelf) => checkConfig(parsed(text), from);

test('every policy is found and its settings are filled in', async () => {
  const shadows = [{ policy: 'hold' }, { policy: 'heat@1.0.0', settings: { horizon: 7 } }];
  const text = sample({ scope: { settings: { horizon: 20 }, shadows } });
  const checked = await check(text);
  if (!checked.ok) throw new Error(checked.message);
  const { config, scopes } = checked.value;
  expect(config.scopes[0]).toBe(scopes[0]?.scope);
  expect(scopes[0]?.active).toMatchObject({
    policy: { from: 'built-in', manifest: { name: 'heat', version: '1.0.0' }, core: expect.any(Uint8Array) },
    settings: { horizon: 20, halfLife: 5 },
  });
  expect(scopes[0]?.shadows).toMatchObject([
    { policy: { manifest: { name: 'hold' } }, settings: {} },
    { policy: { manifest: { name: 'heat' } }, settings: { horizon: 7, halfLife: 5 } },
  ]);
});

test('all faults are told, each at its place', async () => {
  const text = `
executor: /run/e
control: /run/c
scopes:
  one:
    uid: 1
    sensor: /run/1
    policy: nonsense
    shadows:
      - policy: heat
        settings:
          horizon: soon
          speed: 3
          halfLife: 4
      - policy: own.ts
  two:
    uid: 2
    sensor: /run/2
    policy: hold@7
`;
  const checked = await check(text);
  expect(checked).toMatchObject({
    code: 'policy-not-found',
    message: expect.stringMatching(/ \(and 4 more\)$/),
  });
  expect(!checked.ok && checked.faults.map(({ code, message }) => `${code} ${message}`)).toEqual(
    [
      'policy-not-found /etc/terrace/terrace.yaml:8:5 scopes.one.policy: there is no policy "nonsense"',
      'setting-invalid /etc/terrace/terrace.yaml:12:11 scopes.one.shadows[0].settings.horizon: the setting horizon must',
      'setting-unknown /etc/terrace/terrace.yaml:13:11 scopes.one.shadows[0].settings.speed: the policy has no setting "speed"',
      'source-invalid /etc/terrace/terrace.yaml:15:9 scopes.one.shadows[1].policy: nothing is built here',
      'policy-not-found /etc/terrace/terrace.yaml:19:5 scopes.two.policy: there is no hold 7',
    ].map((begin) => expect.stringMatching(new RegExp(`^${begin.replaceAll(/[.[\]]/g, String.raw`\$&`)}`))),
  );
});

/** The shelf, and what it was asked for. */
function watched() {
  const asked: string[] = [];
  const find: Shelf['find'] = (named, pagesMax) => {
    asked.push(`${named} ${pagesMax}`);
    return shelf.find(named, pagesMax);
  };
  return { asked, shelf: { find } };
}

test('what a policy may start with is what its scope gives a host', async () => {
  const { asked, shelf } = watched();
  await check(sample({ scope: { host: { memoryPagesMax: 3 }, shadows: [{ policy: 'hold' }] } }), shelf);
  expect(asked).toEqual(['heat 3', 'hold 3']);
});

describe('a shelf', () => {
  const scopes = (count: number, policy: (i: number) => string) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`s${i}`, scopeOf({ uid: i }, `/run/${i}`, policy(i))]),
    );

  test('is asked for each name once', async () => {
    const { asked, shelf } = watched();
    await check(sample({ top: { scopes: scopes(5, (i) => (i % 2 ? 'heat' : 'hold')) } }), shelf);
    expect(asked).toEqual(['hold 16384', 'heat 16384']);
  });

  test('is left alone when enough is known to be wrong', async () => {
    const { asked, shelf } = watched();
    const checked = await check(sample({ top: { scopes: scopes(40, (i) => `none-${i}`) } }), shelf);
    expect(checked).toMatchObject({ faults: { length: configFaultsMax } });
    expect(asked).toHaveLength(configFaultsMax + 1);
  });
});
