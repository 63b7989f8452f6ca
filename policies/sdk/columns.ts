/** What was observed of regions: arrays of one length, one value per region. */
export class Columns {
  /** Samples that saw an access, raw: multiply by `samplingPeriod` for accesses. */
  accesses: Uint32Array = new Uint32Array(0);
  /** Samples that saw a write, raw. */
  writes: Uint32Array = new Uint32Array(0);
  /** Epochs since a sample last saw an access or a write; stays at 65,535. */
  idleEpochs: Uint16Array = new Uint16Array(0);
  /** Size in base pages; 0 = no such region. */
  pages: Uint32Array = new Uint32Array(0);
  /** Index into `places`, or `PLACE_NONE`. */
  place: Uint8Array = new Uint8Array(0);
  /** Whose memory: an ordinal below `owners`. */
  owner: Uint16Array = new Uint16Array(0);
  /** Bits of `RegionFlag`. */
  flags: Uint8Array = new Uint8Array(0);
  /** How much of the region was looked at: 0 nothing … 255 all. */
  coverage: Uint8Array = new Uint8Array(0);
  /** Hint-fault latency, µs; 4,294,967,295 = none measured. */
  faultLatencyUs: Uint32Array = new Uint32Array(0);
  /** Number of the epoch in which the region first appeared. */
  born: Uint32Array = new Uint32Array(0);
  /** What became of the last epoch's wish for the region: 0 = none made, below 16 fine, else why not. */
  verdict: Uint8Array = new Uint8Array(0);
  /** Ordinal of the neighbourhood within its owner; consecutive = adjacent; 0 = unknown. */
  block: Uint32Array = new Uint32Array(0);
}

/** Bits of the `flags` column. */
export enum RegionFlag {
  Huge = 1,
  Shared = 2,
  File = 4,
  Unmovable = 8,
  PolicyBound = 16,
}
