import type { Scenario } from '../scenario.ts';
import type { Reporter } from './reporter.ts';

/** What a file in drivers/ exports as `run`. It throws when the machine does not do its part. */
export type Driver = (scenario: Scenario, report: Reporter) => Promise<void>;
