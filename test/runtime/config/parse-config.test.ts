import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../runtime/config/parse-config.ts';
import { GOVERN_DEFAULTS } from '../../../runtime/govern/governor.ts';
import * as limits from '../../../runtime/limits.ts';
import { fillMeans } from '../../../runtime/policy/host-means.ts';
import { repetitions, timeoutMs } from '../../proof.ts';
import { FILE, parsed, refusal, sample } from './sample.ts';

describe('what a file says', () => {
  test('with defaults for the rest', () => {
    expect(parsed(sample())).toEqual({
      file: FILE,
      executor: '/run/e.sock',
      control: '/run/c.sock',
      scopes: [
        {
          name: 'batch',
          members: { kind: 'cgroup', path: '/batch.slice' },
          sensor: '/run/sensor.sock',
          epochMs: 1000,
          policy: 'heat',
          settings: {},
          trialEpochs: 16,
          shadows: [],
          quotas: [],
          limits: GOVERN_DEFAULTS,
          host: fillMeans({}).limits,
        },
      ],
      placeOf: expect.any(Function),
    });
  });

  test('and as it says it', () => {
    const shadows = [{ policy: 'hold', settings: { a: 'yes', b: true, c: -0.5 } }];
    const quotas = [
      { bytesPerSecond: 4096 },
      {
        ...{ to: [0, 254], bytesPerSecond: 2 ** 40, bytesPerSecondMin: 2 ** 40 },
        goals: [
          { metric: 'free-share', node: 1, target: 0.5 },
          { metric: 'psi-memory-some', target: 1 },
        ],
      },
    ];
    const scope = {
      ...{
        cgroup: undefined,
        uid: 0,
        epochMs: 50,
        trialEpochs: 0,
        policy: 'heat@1.2.0-rc.1',
        shadows,
        quotas,
      },
      limits: { retryEpochsMin: 7 },
      host: { memoryPagesMax: 3 },
    };
    const top = { launcher: '/run/l.sock', policies: '/etc/p', decisions: '/var/log' };
    const config = parsed(sample({ top, scope }));
    expect(config).toMatchObject(top);
    expect(config.scopes[0]).toMatchObject({
      ...{ members: { kind: 'uid', uid: 0 }, epochMs: 50, trialEpochs: 0, policy: 'heat@1.2.0-rc.1' },
      ...{ shadows, quotas },
      limits: { ...GOVERN_DEFAULTS, retryEpochsMin: 7 },
      host: { ...fillMeans({}).limits, memoryPagesMax: 3 },
    });
  });

  test('relative paths begin at its folder, names are none', () => {
    const scope = {
      policy: 'own.ts',
      shadows: [{ policy: './b/c.wasm' }, { policy: '/d.wasm' }, { policy: 'e' }],
    };
    const config = parsed(sample({ top: { policies: 'policies', decisions: '../log' }, scope }));
    expect(config).toMatchObject({ policies: '/etc/terrace/policies', decisions: '/etc/log' });
    expect(config.scopes[0]?.policy).toBe('/etc/terrace/own.ts');
    expect(config.scopes[0]?.shadows.map(({ policy }) => policy)).toEqual([
      '/etc/terrace/b/c.wasm',
      '/d.wasm',
      'e',
    ]);
  });

  test('a cgroup loses the slash at its end, the root keeps it', () => {
    const pathOf = (cgroup: string) => parsed(sample({ scope: { cgroup } })).scopes[0]?.members;
    expect(pathOf('/a/b/')).toEqual({ kind: 'cgroup', path: '/a/b' });
    expect(pathOf('/')).toEqual({ kind: 'cgroup', path: '/' });
  });
});

test('all faults are told, up to a bound', () => {
  const wrong = sample({ top: { a: 1, b: 2 }, scope: { epochMs: 1, host: { fuel: 1 } } });
  expect(refusal(wrong).faults.map(({ message }) => message.replace(/^\S+ /, '').slice(0, 34))).toEqual([
    'scopes.batch.epochMs is 1; allowed',
    'scopes.batch.host has an unknown k',
    'the file has an unknown key "a"; n',
    'the file has an unknown key "b"; n',
  ]);
  expect(refusal(wrong).message).toMatch(/ \(and 3 more\)$/);
  const keys = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key${i}`, 1]));
  expect(refusal(sample({ top: keys })).faults).toHaveLength(limits.configFaultsMax);
});

test(
  'no value in any place throws, and every fault has a place',
  () => {
    const whole = JSON.parse(
      sample({
        scope: { shadows: [{ policy: 'hold' }], quotas: [{ bytesPerSecond: 4096 }], limits: {}, host: {} },
      }),
    );
    const keys = [
      'scopes',
      'batch',
      'policy',
      'shadows',
      'limits',
      'host',
      'quotas',
      '0',
      'settings',
      'constructor',
      'x',
    ];
    const change = fc.tuple(fc.array(fc.constantFrom(...keys), { maxLength: 5 }), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        const config = structuredClone(whole);
        for (const [path, value] of changes) replace(config, path, value);
        const answer = parseConfig(JSON.stringify(config), 'f.yaml');
        if (!answer.ok)
          for (const { message } of answer.faults) expect(message).toMatch(/^f\.yaml:1:\d+ [^\n]+$/);
      }),
      { numRuns: repetitions({ slice: 1000, full: 100_000 }) },
    );
  },
  timeoutMs(60_000),
);

function replace(root: Record<string, never>, path: readonly string[], value: unknown): void {
  let at: Record<string, unknown> = root;
  for (const key of path.slice(0, -1)) {
    if (!Object.hasOwn(at, key) || typeof at[key] !== 'object' || at[key] === null) return;
    at = at[key] as Record<string, unknown>;
  }
  const key = path.at(-1);
  if (key !== undefined) at[key] = value;
}
