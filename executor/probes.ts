import { ERRNO } from './errno.ts';
import type { OwnerMemory } from './kernel.ts';
import type { Rows } from './resolve.ts';

/** The addresses that are looked at before and after a call. */
export interface Probes {
  readonly page: Float64Array;
  /** Those of the row at `i` stand from `from[i]` to `from[i + 1]`. */
  readonly from: Uint32Array;
  /** Whether each row is a single page. */
  readonly single: boolean;
}

/** Every base page of every folio: a huge one may be split under way and arrive in part. */
export function listProbes(rows: Rows, asked: Uint32Array): Probes {
  const from = new Uint32Array(asked.length + 1);
  for (let i = 0; i < asked.length; i++) from[i + 1] = from[i] + rows.folioPages[asked[i]];
  const page = new Float64Array(from[asked.length]);
  for (let i = 0; i < asked.length; i++) {
    const row = asked[i];
    const single = rows.folioPages[row] === 1;
    const start = single ? rows.page[row] : rows.folioStart[row];
    for (let probe = from[i]; probe < from[i + 1]; probe++) page[probe] = start + probe - from[i];
  }
  return { page, from, single: page.length === asked.length };
}

/**
 * Where the probed pages are before the call. For single pages the round's own facts say it (those
 * asked a second time have not moved); the pages of a huge folio need not all be mapped here.
 */
export function placesBefore(
  rows: Rows,
  asked: Uint32Array,
  probe: Probes,
  memory: OwnerMemory,
): Int32Array | undefined {
  if (probe.single) return Int32Array.from(asked, (row) => rows.node[row]);
  const places = new Int32Array(probe.page.length).fill(-ERRNO.ENOENT);
  return memory.query(probe.page, places).returned < 0 ? undefined : places;
}
