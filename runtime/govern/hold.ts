import { success } from '../../executor/result.ts';
import { ABI_VERSION, type Plan } from '../contract.ts';
import type { Policy } from '../policy/policy.ts';

const NOTHING: Plan = {
  regions: new Uint32Array(),
  targets: new Uint8Array(),
  priorities: new Uint16Array(),
  reasons: new Uint8Array(),
  headroom: new Uint32Array(),
  wishes: [],
};

/**
 * The last rung: everything stays where it is. Built in rather than compiled, so that it needs no host, costs
 * nothing and cannot fail; `policies/hold.ts` is the same for authors.
 */
export const hold: Policy = {
  manifest: {
    abi: ABI_VERSION,
    name: 'hold',
    version: '1.0.0',
    description: 'Leaves every region where it is',
    columns: [],
    stateVersion: 0,
    stateBytesMax: 0,
    settings: [],
    reasons: [],
  },
  digest: '',
  settings: {},
  async evaluate(_, handedOver) {
    handedOver?.();
    return success({ plan: NOTHING, inputHash: '', fuel: 0, log: [], logDropped: 0 });
  },
  ready: async () => {},
  close: async () => {},
};
