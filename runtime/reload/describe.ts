import type { PolicyStatus, ShadowStatus } from '../control/status.ts';
import { hashSettings } from '../govern/hashes.ts';
import type { Shadow } from '../govern/shadow.ts';
import type { Policy } from '../policy/policy.ts';

/** As people call it. */
export function nameOf({ manifest: { name, version } }: Policy): string {
  return `${name}@${version}`;
}

export function describePolicy(policy: Policy, sinceMs: number): PolicyStatus {
  const { name, version } = policy.manifest;
  return { name, version, digest: policy.digest, settingsHash: hashSettings(policy.settings), sinceMs };
}

export function describeShadow(shadow: Shadow, sinceMs: number): ShadowStatus {
  const { fault, ...report } = shadow.report();
  return {
    ...describePolicy(shadow.policy, sinceMs),
    ...report,
    ...(fault && { fault: { code: fault.code, message: fault.message } }),
  };
}
