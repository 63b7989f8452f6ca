import { expect, test } from 'vitest';
import * as limits from '../../../runtime/limits.ts';
import { parsed, quotaOf, refusal, sample, scopeOf } from './sample.ts';

const count = (items: number) => Array.from({ length: items }, (_, i) => i);
const scopesOf = (items: number) => ({
  scopes: Object.fromEntries(count(items).map((uid) => [`s${uid}`, scopeOf({ uid }, `/run/${uid}`)])),
});
const least = { bytesPerSecond: limits.quotaBytesPerSecondMin };
const goals = (items: number) => ({
  ...least,
  goals: count(items).map(() => ({ metric: 'psi-memory-some', target: 1 })),
});
const settings = (items: number) => Object.fromEntries(count(items).map((i) => [`a${i}`, i]));
const path = (bytes: number) =>
  `/${'é'.repeat((bytes - 2) / 2)}.`.padEnd(bytes - Math.floor((bytes - 2) / 2), 'x');
const inScope = (key: string) => (value: unknown) => sample({ scope: { [key]: value } });
const inLimits = (key: string) => (value: unknown) =>
  sample({ scope: { limits: { retryEpochsMax: 1_000_000, [key]: value } } });
const inHost = (key: string) => (value: unknown) => sample({ scope: { host: { [key]: value } } });
const { MAX_SAFE_INTEGER } = Number;

const CASES: readonly (readonly [string, (value: never) => string, unknown, unknown])[] = [
  ['scopes, at least', (value: number) => sample({ top: scopesOf(value) }), 1, 0],
  ['scopesMax', (value: number) => sample({ top: scopesOf(value) }), limits.scopesMax, limits.scopesMax + 1],
  [
    'shadowsMax',
    (value: number) => inScope('shadows')(count(value).map(() => ({ policy: 'hold' }))),
    limits.shadowsMax,
    limits.shadowsMax + 1,
  ],
  [
    'quotasMax',
    (value: number) => inScope('quotas')(count(value).map(() => least)),
    limits.quotasMax,
    limits.quotasMax + 1,
  ],
  ['quotaGoalsMax', (value: number) => quotaOf(goals(value)), limits.quotaGoalsMax, limits.quotaGoalsMax + 1],
  [
    'settingsMax',
    (value: number) => inScope('settings')(settings(value)),
    limits.settingsMax,
    limits.settingsMax + 1,
  ],
  [
    'quotaNodeMax',
    (value: number) => quotaOf({ ...least, to: [value] }),
    limits.quotaNodeMax,
    limits.quotaNodeMax + 1,
  ],
  [
    'quotaBytesPerSecondMin',
    (value: number) => quotaOf({ bytesPerSecond: value }),
    limits.quotaBytesPerSecondMin,
    limits.quotaBytesPerSecondMin - 1,
  ],
  [
    'quotaBytesPerSecondMax',
    (value: number) => quotaOf({ bytesPerSecond: value }),
    limits.quotaBytesPerSecondMax,
    limits.quotaBytesPerSecondMax + 1,
  ],
  ['epochMsMin', inScope('epochMs'), limits.epochMsMin, limits.epochMsMin - 1],
  ['epochMsMax', inScope('epochMs'), limits.epochMsMax, limits.epochMsMax + 1],
  ['trialEpochs, at least', inScope('trialEpochs'), 0, -1],
  ['trialEpochsMax', inScope('trialEpochs'), limits.trialEpochsMax, limits.trialEpochsMax + 1],
  [
    'uid',
    (value: number) => sample({ scope: { cgroup: undefined, uid: value } }),
    4_294_967_294,
    4_294_967_295,
  ],
  [
    'socketPathBytesMax',
    inScope('sensor'),
    path(limits.socketPathBytesMax),
    path(limits.socketPathBytesMax + 1),
  ],
  ['pathBytesMax', inScope('cgroup'), path(limits.pathBytesMax), path(limits.pathBytesMax + 1)],
  [
    'pathBytesMax of a policy',
    inScope('policy'),
    `${path(limits.pathBytesMax - 3)}.ts`,
    `${path(limits.pathBytesMax - 2)}.ts`,
  ],
  [
    'pathBytesMax of a folder',
    (value: string) => sample({ top: { policies: value } }),
    path(limits.pathBytesMax),
    path(limits.pathBytesMax + 1),
  ],
  ...['failedEpochsMax', 'retryEpochsMin', 'recoveredEpochs', 'harmEpochs'].flatMap((key) => [
    [key, inLimits(key), limits.governEpochsMax, limits.governEpochsMax + 1] as const,
    [`${key}, at least`, inLimits(key), 1, 0] as const,
  ]),
  ['retryEpochsMax', inLimits('retryEpochsMax'), limits.governEpochsMax, limits.governEpochsMax + 1],
  ['harmShareCeiling', inLimits('harmShareMax'), limits.harmShareCeiling, limits.harmShareCeiling + 0.1],
  ['invalidShareMax', inLimits('invalidShareMax'), 1, 1.01],
  ['hostMemoryPagesMax', inHost('memoryPagesMax'), limits.hostMemoryPagesMax, limits.hostMemoryPagesMax + 1],
  ...['loadDeadlineMs', 'epochDeadlineMs'].map(
    (key) => [key, inHost(key), limits.hostDeadlineMsMax, limits.hostDeadlineMsMax + 1] as const,
  ),
  ...['fuelPerEpoch', 'fuelPerRegion', 'fuelPerCall'].flatMap((key) => [
    [key, inHost(key), MAX_SAFE_INTEGER, MAX_SAFE_INTEGER + 1] as const,
    [`${key}, at least`, inHost(key), 0, -1] as const,
  ]),
];
test.each(CASES)('%s', (_, write, last, beyond) => {
  parsed(write(last as never));
  expect(refusal(write(beyond as never)).code).toBe('config-malformed');
});

test('paths are counted in bytes', () => {
  expect(Buffer.byteLength(path(107))).toBe(107);
  expect(Buffer.byteLength(path(4096))).toBe(4096);
});
