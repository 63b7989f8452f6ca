import type { BindFault } from '../../../../runtime/bind.ts';
import type { EpochFault, LoadFault } from '../../../../runtime/policy/policy.ts';
import type { HostLimits } from '../../../../runtime/policy/running-host.ts';
import type { Outcome } from './outcome.ts';

/**
 * How a hostile policy must end. `admission`: refused before any process was started. `load`: refused or ended in
 * a host, up to its settings. `epoch`, `save`, `restore`: loaded, and ended by that request. `bind`: its plan
 * names what it may not. `harmless`: it goes on like any other, whatever it tried.
 */
export type Ending =
  | `admission ${LoadFault}`
  | `load ${LoadFault}`
  | `epoch ${EpochFault}`
  | `save ${EpochFault}`
  | `restore ${EpochFault | 'restore-refused'}`
  | `bind ${BindFault}`
  | 'harmless';

export interface Hostile {
  readonly name: string;
  /** The component. */
  readonly policy: () => Uint8Array;
  readonly must: Ending;
  /** Part of the message it ends with. */
  readonly says?: string;
  /** What else must hold. */
  readonly check?: ((outcome: Outcome) => void) | undefined;
  readonly limits?: Partial<HostLimits>;
}
