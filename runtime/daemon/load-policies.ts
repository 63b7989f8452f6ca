import { success, type Result } from '../../executor/result.ts';
import type { CheckedPolicy } from '../config/check.ts';
import type { ScopeConfig } from '../config/config.ts';
import { loadsAtOnceMax } from '../limits.ts';
import type { Launch } from '../policy/launch.ts';
import { loadPolicy, type HostedPolicy } from '../policy/load.ts';
import type { LoadFault } from '../policy/policy.ts';

/** A policy in a scope, which bounds its host. */
export interface Wanted {
  readonly checked: CheckedPolicy;
  readonly scope: ScopeConfig;
}

/** A host for each, all or none; a few at a time, since each has a deadline and processors are few. */
export async function loadPolicies(
  wanted: readonly Wanted[],
  launch: Launch | undefined,
): Promise<Result<readonly HostedPolicy[], LoadFault>> {
  const loaded: Result<HostedPolicy, LoadFault>[] = [];
  while (loaded.length < wanted.length && loaded.every(({ ok }) => ok)) {
    const next = wanted.slice(loaded.length, loaded.length + loadsAtOnceMax);
    loaded.push(...(await Promise.all(next.map((each) => loadChecked(each, launch)))));
  }
  const failed = loaded.find((each) => !each.ok);
  const hosted = loaded.flatMap((each) => (each.ok ? [each.value] : []));
  if (!failed || failed.ok) return success(hosted);
  await Promise.all(hosted.map((policy) => policy.close()));
  return failed;
}

function loadChecked(
  { checked: { policy, settings }, scope: { host } }: Wanted,
  launch: Launch | undefined,
): Promise<Result<HostedPolicy, LoadFault>> {
  return loadPolicy({ policy, settings, limits: host, ...(launch && { launch }) });
}
