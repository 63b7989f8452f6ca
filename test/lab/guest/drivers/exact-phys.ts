import type { Driver } from '../driver.ts';
import { CGROUP, SCOPE } from '../exact-context.ts';
import { createFrameContext } from '../frame-context.ts';
import type { FrameCase } from '../frame-moves.ts';
import { cpuset, full, huge, kinds, merged, pinned, plain, shared } from '../frame-moves.ts';
import { freed, nobody, offline, pageCache, poisoned, reused, unplugged } from '../frame-refusals.ts';
import { startExecutor } from '../services.ts';

const CASES: readonly FrameCase[] = [
  ...[plain, pinned, shared, merged, huge, kinds, cpuset],
  ...[pageCache, freed, reused, nobody, poisoned, offline, unplugged, full],
];

/** Everything that the operator can allow. */
const LENIENT = {
  allow: { mlocked: true, hugetlb: true, shared: true, policyBound: true },
  partialHuge: 'round',
} as const;

export const run: Driver = async (scenario, report) => {
  const limits = scenario.limits as object;
  const executors = {
    strict: await startExecutor(limits, 'strict'),
    lenient: await startExecutor({ ...limits, ...LENIENT }, 'lenient'),
  };
  const context = createFrameContext(executors, report, { cgroup: CGROUP, scope: SCOPE });
  for (const each of CASES) {
    const started = performance.now();
    await each(context);
    await context.finish();
    report.note(each.name, { ms: Math.round(performance.now() - started) });
  }
  await executors.strict.close();
  await executors.lenient.close();
};
