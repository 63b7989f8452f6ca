/** A stretch of pages freed during an epoch. */
export interface FreedRange {
  readonly pageNumber: number;
  readonly pages: number;
}

/** Page accesses of one epoch, page numbers ascending; columns of equal length. */
export interface TraceEpoch {
  readonly pageNumber: Float64Array;
  readonly loads: Uint32Array;
  readonly stores: Uint32Array;
  /** Freed by the end of the epoch, touched in it or not. */
  readonly freed: readonly FreedRange[];
}

/** A recording of one program's page accesses behind its caches (docs/traces.md). */
export interface Trace {
  readonly pageShift: number;
  readonly accessesPerEpoch: number;
  readonly cacheKib: number;
  readonly epochs: readonly TraceEpoch[];
}

export type TraceFault = 'trace-not-found' | 'trace-malformed' | 'trace-too-large';
