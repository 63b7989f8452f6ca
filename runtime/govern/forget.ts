import { EVENT, type RegionEvents } from '../contract.ts';

/** What a policy is told that has missed epochs: all it knows of indices is void (docs/failure.md). */
export const FORGET: RegionEvents = {
  kinds: Uint8Array.of(EVENT.forget),
  regions: new Uint32Array(1),
  others: new Uint32Array(1),
};
