import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareVersions,
  parsePolicyFile,
  parsePolicyName,
  POLICY_NAMED,
  type PolicyName,
} from '../../../runtime/policy/policy-name.ts';

describe('names', () => {
  test.each<readonly [string, PolicyName | undefined]>([
    ['heat', { name: 'heat' }],
    ['heat-scalar', { name: 'heat-scalar' }],
    ['heat@1.2.0', { name: 'heat', version: '1.2.0' }],
    ['heat@2024-rc.1+b', { name: 'heat', version: '2024-rc.1+b' }],
    ['heat.wasm', { path: 'heat.wasm' }],
    ['/a b/heat@1.0.ts', { path: '/a b/heat@1.0.ts' }],
    ...['', '1heat', 'a/b', 'heat@', '@1', 'heat@-1', 'heat@1@2', 'a b', 'heat.js', 'é'].map(
      (named) => [named, undefined] as const,
    ),
    ['.wasm', { path: '.wasm' }],
    ['a'.repeat(64), { name: 'a'.repeat(64) }],
    ['a'.repeat(65), undefined],
  ])('%s', (named, expected) => {
    expect(parsePolicyName(named)).toEqual(expected);
    expect(POLICY_NAMED.test(named)).toBe(expected !== undefined && named !== '.wasm');
  });

  test('of files', () => {
    expect(parsePolicyFile('heat.wasm')).toEqual({ name: 'heat' });
    expect(parsePolicyFile('heat@1.0.ts')).toEqual({ name: 'heat', version: '1.0' });
    expect(parsePolicyFile('heat')).toBe(undefined);
    expect(parsePolicyFile('heat.wasm.ts')).toEqual({ path: 'heat.wasm' });
    expect(parsePolicyFile('.heat.wasm')).toBe(undefined);
  });
});

describe('versions', () => {
  const ASCENDING = [
    ...['0.9', '1-alpha', '1-alpha.1', '1-alpha.beta', '1-beta.2', '1-beta.11', '1-rc', '1', '1.0.1', '1.9'],
    ...[
      '1.10',
      '2.0.0-1',
      '2.0.0-1.0',
      '2.0.0-a',
      '2',
      '10',
      '18446744073709551616',
      '18446744073709551617',
      'a',
    ],
  ];

  test('ascend', () => {
    for (const [i, a] of ASCENDING.entries())
      for (const [j, b] of ASCENDING.entries())
        expect(`${a} ${b} ${Math.sign(compareVersions(a, b))}`).toBe(`${a} ${b} ${Math.sign(i - j)}`);
  });

  test('are the same where only zeros, or what follows +, differ', () => {
    for (const [a, b] of [
      ['1', '1.0.0'],
      ['1.0+a', '1.0+b'],
      ['01', '1'],
      ['1-a+b', '1-a'],
    ] as const)
      expect(compareVersions(a, b)).toBe(0);
  });

  test('have one order', () => {
    const version = fc.stringMatching(/^[0-9a-b][0-9a-b.+-]{0,6}$/);
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: 5000 },
    );
  });
});
