import { SPACE, type OwnerRef } from '../../executor/plan.ts';
import type { Sample } from '../../runtime/telemetry/source.ts';

export interface TestRow {
  readonly owner: number;
  readonly page: number;
  readonly pages?: number;
  readonly node?: number;
  readonly accesses?: number;
}

export function owner(pid: number, startTimeTicks = 1): OwnerRef {
  return { pid, startTimeTicks, stackStart: '140722000000000' };
}

/** A sample whose owners are processes 1 … n; rows must be sorted by (owner, page). */
export function sampleOf(rows: readonly TestRow[], owners = [owner(1), owner(2), owner(3)]): Sample {
  return {
    lengthMs: 1000,
    samplingPeriod: 1,
    space: SPACE.virtual,
    owners,
    rows: {
      owner: Uint16Array.from(rows, (row) => row.owner),
      pageNumber: Float64Array.from(rows, (row) => row.page),
      pages: Uint32Array.from(rows, (row) => row.pages ?? 1),
      node: Uint8Array.from(rows, (row) => row.node ?? 0),
      accesses: Uint32Array.from(rows, (row) => row.accesses ?? 0),
      writes: new Uint32Array(rows.length),
      flags: new Uint8Array(rows.length),
      coverage: new Uint8Array(rows.length).fill(255),
    },
  };
}
