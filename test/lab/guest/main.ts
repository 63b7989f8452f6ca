import { readFileSync } from 'node:fs';
import type { Scenario } from '../scenario.ts';
import { openReporter } from './reporter.ts';
import type { Driver } from './driver.ts';

const scenario = JSON.parse(readFileSync('/scenario.json', 'utf8')) as Scenario;
const report = openReporter('/dev/ttyS1');
const { run } = (await import(`./drivers/${scenario.driver}.ts`)) as { run: Driver };
await run(scenario, report);
process.exit(0);
