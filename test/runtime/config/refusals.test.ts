import { expect, test } from 'vitest';
import { FILE, goalOf, quotaOf, refusal, sample } from './sample.ts';

/** What, the file, and a part of the message. */
const CASES: readonly (readonly [string, string, string])[] = [
  ['nothing', '', '1:1 the file is null; allowed: a mapping with keys out of executor, launcher, control,'],
  ['a list', '- a', '1:1 the file is a list of 1; allowed: a mapping'],
  [
    'a missing key',
    sample({ top: { executor: undefined } }),
    '1:1 executor is missing; it must be an absolute path',
  ],
  [
    'a missing key of a scope',
    sample({ scope: { sensor: undefined } }),
    '1:61 scopes.batch.sensor is missing; it must',
  ],
  ['a slip', sample({ top: { polices: '/p' } }), 'the file has an unknown key "polices"; nearest: policies'],
  [
    'a slip in a scope',
    sample({ scope: { Epochms: 1 } }),
    'scopes.batch has an unknown key "Epochms"; nearest: epochMs',
  ],
  [
    'no slip',
    sample({ scope: { limits: { speed: 1 } } }),
    '"speed"; nearest: failedEpochsMax, retryEpochsMin, retry',
  ],
  [
    'a key of another goal',
    goalOf({ metric: 'psi-memory-some', node: 1, target: 1 }),
    'goals[0] has an unknown key "node"',
  ],
  [
    'a metric',
    goalOf({ metric: 'speed', target: 1 }),
    'metric is "speed"; allowed: free-share, used-share or psi-',
  ],
  [
    'a target of nothing',
    goalOf({ metric: 'psi-memory-some', target: 0 }),
    'target is 0; allowed: a share above 0',
  ],
  [
    'a target above all',
    goalOf({ metric: 'psi-memory-some', target: 1.1 }),
    'target is 1.1; allowed: a share',
  ],
  [
    'no whose',
    sample({ scope: { cgroup: undefined } }),
    'scopes.batch.cgroup is missing; it must be exactly one of',
  ],
  [
    'two whose',
    sample({ scope: { uid: 1 } }),
    'scopes.batch.cgroup is "/batch.slice"; allowed: exactly one of',
  ],
  [
    'a name',
    sample({ top: { scopes: { 'a b': {} } } }),
    'scopes has the key "a b"; allowed: a name of up to 64',
  ],
  [
    'a policy',
    sample({ scope: { policy: 'a/b' } }),
    'scopes.batch.policy is "a/b"; allowed: NAME, NAME@VERSION, or',
  ],
  [
    'a setting',
    sample({ scope: { settings: { a: [] } } }),
    'scopes.batch.settings.a is a list of 0; allowed: a number',
  ],
  [
    'a setting’s name',
    sample({ scope: { settings: { 'a\u001B': 1 } } }),
    String.raw`has the key "a\u001b"; allowed: a letter`,
  ],
  [
    'no number',
    sample({ scope: { epochMs: '100' } }),
    'epochMs is "100"; allowed: a whole number from 10 to 3600000',
  ],
  [
    'no end',
    sample().replace('"heat"', '"heat", "epochMs": .inf'),
    'epochMs is Infinity; allowed: a whole number',
  ],
  [
    'a boolean in words',
    sample({ scope: { shadows: 'yes' } }),
    'shadows is "yes"; allowed: a list of at most 8',
  ],
  [
    'waits',
    sample({ scope: { limits: { retryEpochsMin: 2000 } } }),
    'retryEpochsMin is 2000; allowed: at most retryEpochsMax',
  ],
  [
    'a floor',
    quotaOf({ bytesPerSecond: 5000, bytesPerSecondMin: 5001 }),
    'Min is 5001; allowed: at most bytesPerSecond',
  ],
  ['nowhere', quotaOf({ bytesPerSecond: 5000, to: [] }), 'to is a list of 0; allowed: a list of 1 to 255'],
  [
    'a relative socket',
    sample({ top: { control: 'c.sock' } }),
    'control is "c.sock"; allowed: an absolute path of at',
  ],
  [
    'a way up',
    sample({ scope: { cgroup: '/a/../b' } }),
    'cgroup is "/a/../b"; allowed: an absolute path of at most',
  ],
  [
    'the same in other words',
    sample({ scope: { cgroup: '/a/./b' } }),
    'cgroup is "/a/./b"; allowed: an absolute path',
  ],
  ['and in others', sample({ scope: { cgroup: '/a//b' } }), 'cgroup is "/a//b"; allowed: an absolute path'],
];

test.each(CASES)('%s', (_, text, message) => {
  const { code, faults } = refusal(text);
  expect({ code, faults: faults.length }).toEqual({ code: 'config-malformed', faults: 1 });
  expect(faults[0]?.message).toMatch(new RegExp(`^${FILE}:1:\\d+ `));
  expect(faults[0]?.message).toContain(message);
});
