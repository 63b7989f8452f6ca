/** The WIT (policies/wit/policy.wit) as TypeScript data: what a snapshot holds and what a plan says. */

export const ABI_VERSION = '1.0';

export type ColumnArray = Uint8Array | Uint16Array | Uint32Array | Float32Array;
type ColumnKind = 'bytes' | 'shorts' | 'words' | 'floats';

/** Column ids and the case of the WIT's `data` that each arrives as. */
export const COLUMNS = {
  accesses: { id: 0, kind: 'words' },
  writes: { id: 1, kind: 'words' },
  idleEpochs: { id: 2, kind: 'shorts' },
  pages: { id: 3, kind: 'words' },
  place: { id: 4, kind: 'bytes' },
  owner: { id: 5, kind: 'shorts' },
  flags: { id: 6, kind: 'bytes' },
  coverage: { id: 7, kind: 'bytes' },
  faultLatencyUs: { id: 8, kind: 'words' },
  born: { id: 9, kind: 'words' },
  verdict: { id: 10, kind: 'bytes' },
  block: { id: 11, kind: 'words' },
} as const satisfies Record<string, { id: number; kind: ColumnKind }>;

export type ColumnName = keyof typeof COLUMNS;

/** Discriminants of the WIT's `data` and the bytes of one value. */
export const COLUMN_KINDS = {
  bytes: { tag: 0, valueBytes: 1 },
  shorts: { tag: 1, valueBytes: 2 },
  words: { tag: 2, valueBytes: 4 },
  floats: { tag: 3, valueBytes: 4 },
} as const satisfies Record<ColumnKind, { tag: number; valueBytes: number }>;

export const REGION_FLAG = { huge: 1, shared: 2, file: 4, unmovable: 8, policyBound: 16 } as const;
export const PLACE_KIND = { nodeWithCpus: 0, nodeWithoutCpus: 1, swap: 2 } as const;
export const PLACE_STATE = { usable: 0, draining: 1, gone: 2 } as const;
/** Value of the `place` column for a region that is in none of the places. */
export const PLACE_NONE = 255;
export const EVENT = { died: 0, born: 1, split: 2, merged: 3, forget: 4, scattered: 5 } as const;
export const METRIC = { moveCostNs: 0 } as const;
export const SUBJECT_MACHINE = 65_535;
/** Regions handed over in one `observe`. */
export const CHUNK_REGIONS = 262_144;

/** Where memory can live, in this epoch only. Sizes are base pages; 0 latency or bandwidth = unknown. */
export interface Place {
  readonly tier: number;
  readonly kind: number;
  readonly state: number;
  readonly capacity: number;
  readonly room: number;
  readonly budget: number;
  readonly latencyNs: number;
  readonly bandwidthMib: number;
}

export interface Metric {
  readonly id: number;
  /** Place or owner index; `SUBJECT_MACHINE` = the machine. */
  readonly subject: number;
  readonly value: number;
}

/** Three columns of one length, oldest first; `EVENT` kinds. */
export interface RegionEvents {
  readonly kinds: Uint8Array;
  readonly regions: Uint32Array;
  readonly others: Uint32Array;
}

/** Everything a policy may know in one epoch. Columns are indexed by region and `regions` long. */
export interface Snapshot {
  readonly number: number;
  readonly lengthMs: number;
  /** Highest region index + 1. */
  readonly regions: number;
  readonly owners: number;
  /** Accesses that one sample stands for. */
  readonly samplingPeriod: number;
  readonly places: readonly Place[];
  readonly metrics: readonly Metric[];
  readonly events: RegionEvents;
  /** A column no source measured is absent; the host hands the policy zeros for it. */
  readonly columns: Readonly<Partial<Record<ColumnName, ColumnArray>>>;
}

export interface Wish {
  readonly id: number;
  readonly subject: number;
  readonly value: number;
}

/** What a policy answered, as it came out of the sandbox: lengths checked, contents not yet. */
export interface Plan {
  readonly regions: Uint32Array;
  readonly targets: Uint8Array;
  readonly priorities: Uint16Array;
  readonly reasons: Uint8Array;
  readonly headroom: Uint32Array;
  readonly wishes: readonly Wish[];
}

export type SettingValue = number | boolean | string;
export type Settings = Readonly<Record<string, SettingValue>>;

/** One entry of the manifest's settings schema. Bounds are inclusive. */
export interface SettingSchema {
  readonly name: string;
  readonly type: 'number' | 'integer' | 'truth' | 'text';
  readonly description: string;
  readonly default: SettingValue;
  readonly min?: number;
  readonly max?: number;
}

/** The JSON in the custom section `MANIFEST_SECTION` of a policy's core module. */
export interface Manifest {
  readonly abi: string;
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly columns: readonly ColumnName[];
  readonly stateVersion: number;
  readonly stateBytesMax: number;
  readonly settings: readonly SettingSchema[];
  readonly reasons: readonly string[];
}

export const MANIFEST_SECTION = 'terrace:manifest';
