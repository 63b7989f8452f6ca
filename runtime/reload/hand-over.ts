import { success, type Result } from '../../executor/result.ts';
import type { EpochFault, Policy, StatefulPolicy } from '../policy/policy.ts';

export interface HandedOver {
  /** Whether the new policy knows what the old one knew, indices of the next epoch among it. */
  readonly initiated: boolean;
  /** For people: what became of the state. */
  readonly note: string;
}

/**
 * Between epochs: the state of the policy that serves, given to one that may take its place. A policy of another
 * name, or one that does not take this state, starts cold. Fails only where taking it ended the new policy's host.
 */
export async function handOver(from: Policy, to: StatefulPolicy): Promise<Result<HandedOver, EpochFault>> {
  const cold = (why: string) => success({ initiated: false, note: `starts without state: ${why}` });
  if (from.manifest.name !== to.manifest.name) return cold(`${from.manifest.name} is another policy`);
  if (!isStateful(from) || from.manifest.stateBytesMax === 0) return cold('the old version keeps none');
  if (to.manifest.stateBytesMax === 0) return cold('the new version keeps none');
  const saved = await from.save();
  if (!saved.ok) return cold(`the old version could not save it (${saved.message})`);
  const { stateVersion } = from.manifest;
  const restored = await to.restore(stateVersion, saved.value);
  if (restored.ok)
    return success({
      initiated: true,
      note: `took over ${saved.value.length} bytes of state, version ${stateVersion}`,
    });
  return restored.code === 'restore-refused' ? cold(restored.message) : { ...restored, code: restored.code };
}

function isStateful(policy: Policy): policy is StatefulPolicy {
  return 'save' in policy;
}
