import type { Snapshot } from '../../../../runtime/contract.ts';
import { snapshotOf } from '../specimen.ts';
import { HOLE, REGIONS } from './outcome.ts';

/** What `heat` is given so that it has something to wish for from its first epoch on. */
export const EAGER = { warmup: 0 };

/** Eight regions, one of them a hole, hotter the higher their index, all in the slower of two places. */
export function scene(): Snapshot {
  const pages = Uint32Array.from({ length: REGIONS }, (_, region) => (region === HOLE ? 0 : 1));
  const accesses = Uint32Array.from({ length: REGIONS }, (_, region) => 100 * region);
  const place = new Uint8Array(REGIONS).fill(1);
  const coverage = new Uint8Array(REGIONS).fill(255);
  return { ...snapshotOf(REGIONS), columns: { accesses, pages, place, coverage } };
}
