import { SPACE } from '../../../executor/plan.ts';
import type { RegionEvents } from '../../../runtime/contract.ts';
import { createRegionTable } from '../../../runtime/region-table.ts';
import type { CarriedPlan } from '../../../runtime/regions/carry-folios.ts';
import type { Sample } from '../../../runtime/telemetry/source.ts';

/** First frame, pages (1 unless told), and whether it was looked at (it was unless told). */
export type FrameRow = readonly [first: number, pages?: number, look?: 'looked' | 'listed'];

/** Frames from 1000 on are on node 1. */
export function framesOf(rows: readonly FrameRow[]): Sample {
  return {
    lengthMs: 1000,
    samplingPeriod: 1,
    space: SPACE.physical,
    owners: [],
    rows: {
      owner: new Uint16Array(rows.length),
      pageNumber: Float64Array.from(rows, ([first]) => first),
      pages: Uint32Array.from(rows, ([, pages]) => pages ?? 1),
      node: Uint8Array.from(rows, ([first]) => Number(first >= 1000)),
      accesses: new Uint32Array(rows.length),
      writes: new Uint32Array(rows.length),
      flags: new Uint8Array(rows.length),
      coverage: Uint8Array.from(rows, ([, , look]) => (look === 'listed' ? 0 : 255)),
    },
  };
}

/** Entry, frame before, frame after, pages of the folio (1 unless told). */
export type MoveRow = readonly [entry: number, from: number, to: number, pages?: number];

export function carriedPlan(
  regions: readonly number[],
  moves: readonly MoveRow[],
  verdicts: readonly number[],
): CarriedPlan {
  return {
    regions: Uint32Array.from(regions),
    target: new Uint8Array(regions.length).fill(1),
    verdicts: Uint8Array.from(verdicts),
    frames: {
      entry: Uint32Array.from(moves, ([entry]) => entry),
      from: Float64Array.from(moves, ([, from]) => from),
      to: Float64Array.from(moves, ([, , to]) => to),
      pages: Uint32Array.from(moves, ([, , , pages]) => pages ?? 1),
    },
  };
}

/** A table that is told in rows, and answers in lists. */
export function createFrameTable() {
  const table = createRegionTable();
  let epoch = 0;
  return {
    table,
    see(...rows: readonly FrameRow[]) {
      const rowRegion = new Uint32Array(rows.length);
      const events = table.update(framesOf(rows), ++epoch, rowRegion);
      if (!events.ok) throw new Error(events.message);
      return { regions: [...rowRegion], events: listEvents(events.value) };
    },
  };
}

export function listEvents({ kinds, regions, others }: RegionEvents): (readonly [number, number, number])[] {
  return Array.from(kinds, (kind, i) => [kind, regions[i]!, others[i]!] as const);
}
