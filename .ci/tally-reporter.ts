import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

const LAB = /\/test\/lab\//;

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** Counts test cases; a file or a run that broke outside any test counts as one failure. */
export function tally(modules: readonly TestModule[], unhandled: number): Tally {
  const counts: Tally = { passed: 0, failed: unhandled, skipped: 0 };
  for (const module of modules) {
    const before = counts.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      counts[state === 'pending' ? 'skipped' : state] += 1;
    }
    if (module.state() === 'failed' && counts.failed === before) counts.failed += 1;
  }
  return counts;
}

/** Lab tests that did not run; in CI they count as failed, since nothing else proves what they prove. */
export function skippedInLab(modules: readonly TestModule[]): number {
  return tally(
    modules.filter(({ moduleId }) => LAB.test(moduleId)),
    0,
  ).skipped;
}

/** Ends a run with one plain line, `N passed, N failed, N skipped`, after everything vitest prints. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = tally(modules, unhandled.length);
    const notRun = process.env.CI === 'true' ? skippedInLab(modules) : 0;
    if (notRun > 0) {
      counts.failed += notRun;
      counts.skipped -= notRun;
      process.exitCode = 1;
    }
    process.once('exit', () => {
      if (notRun > 0) writeSync(1, `lab tests skipped, which counts as failed under CI: ${notRun}\n`);
      writeSync(1, `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
    });
  }
}
