import { expect, test } from 'vitest';
import { failure } from '../../../executor/result.ts';
import type { StepFault } from '../../../runtime/epoch-report.ts';
import { blame } from '../../../runtime/govern/blame.ts';

test.each([
  ['failed', ['policy-trapped', 'policy-overran', 'policy-out-of-fuel', 'plan-unreadable', 'host-failed']],
  ['failed', ['plan-region-dead', 'plan-place-out-of-range', 'plan-too-large']],
  ['harmful', ['policy-harmful']],
  ['unasked', ['sensor-failed', 'executor-unreachable', 'journal-unwritable', 'stale-topology']],
] as const)('%s: %j', (happening, codes: readonly StepFault[]) => {
  for (const code of codes) expect(blame({ epoch: 1, fault: failure(code, '') })).toBe(happening);
});

test('an epoch without a fault is good', () => {
  expect(blame({ epoch: 1 })).toBe('good');
});
