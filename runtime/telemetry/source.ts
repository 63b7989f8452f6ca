import type { OwnerRef } from '../../executor/plan.ts';
import type { Result } from '../../executor/result.ts';

/** One row per region found, sorted by (owner, pageNumber), disjoint; columns of equal length. */
export interface SampleRows {
  /** Index into `Sample.owners`; 0 in physical space. */
  readonly owner: Uint16Array;
  /** Virtual page number (or frame number, for physical sources); a whole number. */
  readonly pageNumber: Float64Array;
  /** Base pages. */
  readonly pages: Uint32Array;
  /** Node id; 255 = on none (swapped out, unknown). */
  readonly node: Uint8Array;
  /** Samples that saw a load or a store, unscaled. */
  readonly accesses: Uint32Array;
  /** Of those, samples that saw a store. */
  readonly writes: Uint32Array;
  /** Bits of `REGION_FLAG`. */
  readonly flags: Uint8Array;
  /** 0 nothing … 255 all of the region was looked at. Above 0 = it was found there at the end of the epoch. */
  readonly coverage: Uint8Array;
}

/** What a source observed in one epoch. */
export interface Sample {
  readonly lengthMs: number;
  /** Accesses that one sample stands for. */
  readonly samplingPeriod: number;
  /** `SPACE` of the page numbers. */
  readonly space: number;
  /** Empty in physical space: whose frames these are is not the sensor's to say. */
  readonly owners: readonly OwnerRef[];
  readonly rows: SampleRows;
}

export type SourceFault =
  | 'sensor-unreachable'
  | 'sensor-failed'
  | 'sample-malformed'
  | 'source-exhausted'
  | 'permission-missing'
  /** Physical sources: what the kernel was built without, or the machine has not (any more). */
  | 'idle-tracking-missing'
  | 'page-monitor-missing'
  | 'node-missing'
  | 'too-many-regions'
  | 'frame-too-large'
  | 'request-unknown';

/** Where hotness comes from. `next` ends the running epoch and answers what was seen in it. */
export interface TelemetrySource {
  next(): Promise<Result<Sample, SourceFault>>;
  close(): Promise<void>;
}
