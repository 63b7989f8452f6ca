import { expect, test } from 'vitest';
import { BELTS } from '../../../executor/confinement.ts';
import { formatConfinement } from '../../../runtime/cli/confinement-line.ts';

test('names what holds and what is missing, with the reason', () => {
  const missing = [
    { belt: 'user', why: 'not root' },
    { belt: 'cgroup', why: 'none given' },
  ] as const;
  expect(formatConfinement({ held: ['landlock', 'seccomp'], missing, landlockAbi: 7 })).toBe(
    'policy hosts: confined by landlock 7, seccomp; missing user (not root), cgroup (none given)\n',
  );
});

test('is empty where nothing is missing, and plain where nothing holds', () => {
  expect(formatConfinement({ held: BELTS, missing: [], landlockAbi: 7 })).toBe('');
  const missing = BELTS.map((belt) => ({ belt, why: 'no' }));
  expect(formatConfinement({ held: [], missing })).toMatch(/^policy hosts: confined by nothing; missing /);
});
