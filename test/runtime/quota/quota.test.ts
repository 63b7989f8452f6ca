import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  quotaBytesPerSecondMax,
  quotaBytesPerSecondMin,
  quotaGoalsMax,
  quotaNodeMax,
  quotasMax,
} from '../../../runtime/limits.ts';
import { packageRoot } from '../../../runtime/package-root.ts';
import { checkQuotas, type Goal, type Quota } from '../../../runtime/quota/quota.ts';

const quota: Quota = { bytesPerSecond: 1_000_000 };
const goal: Goal = { metric: 'free-share', node: 0, target: 0.1 };
const withGoal = (changes: Partial<Goal>): Quota => ({ ...quota, goals: [{ ...goal, ...changes } as Goal] });
const times = <T>(length: number, value: T) => Array.from({ length }, () => value);
const isSound = (...quotas: Quota[]) => checkQuotas(quotas).ok;

test.each<[string, Quota[], Quota[]]>([
  ['quotas', times(quotasMax, quota), times(quotasMax + 1, quota)],
  [
    'goals',
    [{ ...quota, goals: times(quotaGoalsMax, goal) }],
    [{ ...quota, goals: times(quotaGoalsMax + 1, goal) }],
  ],
  [
    'the ceiling',
    [{ bytesPerSecond: quotaBytesPerSecondMax }],
    [{ bytesPerSecond: quotaBytesPerSecondMax + 1 }],
  ],
  [
    'a page a second',
    [{ bytesPerSecond: quotaBytesPerSecondMin }],
    [{ bytesPerSecond: quotaBytesPerSecondMin - 1 }],
  ],
  ['the floor', [{ ...quota, bytesPerSecondMin: 1_000_000 }], [{ ...quota, bytesPerSecondMin: 1_000_001 }]],
  ['no floor', [{ ...quota, bytesPerSecondMin: 0 }], [{ ...quota, bytesPerSecondMin: -1 }]],
  ['nodes', [{ ...quota, to: [0, quotaNodeMax] }], [{ ...quota, to: [0, quotaNodeMax + 1] }]],
  ['some node', [{ ...quota, to: [0] }], [{ ...quota, to: [] }]],
  ['whole nodes', [{ ...quota, to: [1] }], [{ ...quota, to: [1.5] }]],
  ['the node of a goal', [withGoal({ node: quotaNodeMax })], [withGoal({ node: quotaNodeMax + 1 })]],
  ['a target of all', [withGoal({ target: 1 })], [withGoal({ target: 1.001 })]],
  ['a target of something', [withGoal({ target: 1e-9 })], [withGoal({ target: 0 })]],
  ['numbers', [quota], [{ bytesPerSecond: Number.NaN }]],
])('%s: sound at the edge, refused beyond it', (_, sound, beyond) => {
  expect(isSound(...sound)).toBe(true);
  expect(isSound(...beyond)).toBe(false);
});

test('a refusal names the quota and what to write instead', () => {
  expect(checkQuotas([quota, { bytesPerSecond: 1 }])).toMatchObject({
    code: 'quota-malformed',
    message: `quota 1: set bytesPerSecond to ${quotaBytesPerSecondMin} up to ${quotaBytesPerSecondMax}`,
  });
});

test('the sample of the quota page is sound, and every key and metric is explained', () => {
  const page = readFileSync(path.join(packageRoot, 'docs/quotas.md'), 'utf8');
  const { quotas } = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as { quotas: Quota[] };
  expect(checkQuotas(quotas)).toEqual({ ok: true, value: quotas });
  for (const key of quotas.flatMap(Object.keys)) expect(page).toContain(`| \`${key}\` |`);
  for (const { metric } of quotas.flatMap(({ goals = [] }) => goals))
    expect(page).toContain(`| \`${metric}\` |`);
});
