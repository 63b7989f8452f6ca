import type { EpochReport, StepFault } from '../epoch-report.ts';
import type { Happening } from './ladder.ts';

/**
 * What each fault says of the policy. A plan too large for the executor is its policy's doing; that the
 * executor, the sensor or the machine had a bad moment is not.
 */
const BLAME: Readonly<Record<StepFault, Happening>> = {
  'policy-trapped': 'failed',
  'policy-overran': 'failed',
  'policy-out-of-fuel': 'failed',
  'plan-unreadable': 'failed',
  'host-failed': 'failed',
  'policy-harmful': 'harmful',

  'plan-region-out-of-range': 'failed',
  'plan-region-dead': 'failed',
  'plan-region-twice': 'failed',
  'plan-place-out-of-range': 'failed',
  'plan-headroom-out-of-range': 'failed',

  'plan-malformed': 'failed',
  'plan-too-large': 'failed',
  'plan-too-many-owners': 'failed',
  'scope-unknown': 'unasked',
  'scope-mismatch': 'unasked',
  'stale-topology': 'unasked',
  'topology-unreadable': 'unasked',
  'journal-unwritable': 'unasked',
  'executor-paused': 'unasked',
  'executor-unreachable': 'unasked',
  'frame-too-large': 'unasked',
  'request-unknown': 'unasked',
  'permission-missing': 'unasked',

  paused: 'unasked',

  'too-many-regions': 'unasked',
  'too-many-owners': 'unasked',
  'sensor-unreachable': 'unasked',
  'sensor-failed': 'unasked',
  'sample-malformed': 'unasked',
  'source-exhausted': 'unasked',
  'idle-tracking-missing': 'unasked',
  'page-monitor-missing': 'unasked',
  'node-missing': 'unasked',
};

/** What an epoch said of the policy that was on duty in it. */
export function blame({ fault }: EpochReport): Happening {
  return fault ? BLAME[fault.code] : 'good';
}
