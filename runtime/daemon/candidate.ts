import { failure, type Result } from '../../executor/result.ts';
import type { CheckedScope } from '../config/check.ts';
import type { SwitchRequest } from '../control/operator.ts';
import type { PolicyStatus } from '../control/status.ts';
import { hashSettings } from '../govern/hashes.ts';
import type { Launch } from '../policy/launch.ts';
import { loadPolicy, type HostedPolicy } from '../policy/load.ts';
import { resolveSettings } from '../policy/settings.ts';
import type { Shelf } from '../policy/shelf.ts';
import type { Candidate } from '../reload/switchboard.ts';

/** What a changed configuration names; it stands already. */
export function candidateOf({ scope }: CheckedScope, policy: HostedPolicy): Candidate {
  return {
    named: scope.policy,
    trialEpochs: scope.trialEpochs,
    load: async () => ({ ok: true, value: policy }),
  };
}

export interface CandidateMeans {
  readonly shelf: Shelf;
  readonly launch?: Launch;
  /** Who decides when it is ready to be loaded. */
  readonly active: () => PolicyStatus;
}

/** What an operator asks for; all there is to it happens in the background. */
export function requestedCandidate(
  request: Pick<SwitchRequest, 'policy' | 'settings'> & { readonly trialEpochs: number },
  { scope, active: configured }: CheckedScope,
  { shelf, launch, active }: CandidateMeans,
): Candidate {
  const { policy: named, trialEpochs } = request;

  async function load(): Promise<Result<HostedPolicy>> {
    const found = await shelf.find(named, scope.host.memoryPagesMax);
    if (!found.ok) return found;
    const { manifest, digest } = found.value;
    const inherited = manifest.name === configured.policy.manifest.name ? scope.settings : {};
    const settings = resolveSettings(manifest.settings, request.settings ?? inherited);
    if (!settings.ok) return settings;
    if (digest === active().digest && hashSettings(settings.value) === active().settingsHash)
      return failure(
        'policy-in-force',
        `${manifest.name}@${manifest.version} decides already, with these settings`,
      );
    return loadPolicy({
      ...{ policy: found.value, settings: settings.value, limits: scope.host },
      ...(launch && { launch }),
    });
  }

  return { named, trialEpochs, load };
}
