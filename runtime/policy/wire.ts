import {
  faultTextBytesMax,
  globalWordsMax,
  logLineBytesMax,
  logLinesMax,
  placesMax,
  planEntriesMax,
  stateBytesMax,
  wishesMax,
} from '../limits.ts';

/**
 * What crosses between runtime and policy host: fixed little-endian records, so that no general decoder
 * faces a hostile host. A request is one header; what belongs to it lies in the shared file, in the layout
 * the canonical ABI gives it. A reply is one header and then its sections, in fixed order, each padded to
 * eight bytes. One request is under way at a time; a reply repeats its sequence number.
 */

export const REQUEST_MAGIC = 0x31_51_52_54;
export const REPLY_MAGIC = 0x31_50_52_54;

export const REQUEST = { load: 1, configure: 2, epoch: 3, save: 4, restore: 5, dump: 6, undump: 7 } as const;

export const STATUS = {
  ok: 0,
  /** The policy trapped; its instance is dead. */
  trapped: 1,
  /** `configure` or `restore` answered an error. */
  refused: 2,
  /** V8 does not take the module. */
  invalid: 3,
  /** The policy answered pointers or lengths that cannot be. */
  unreadable: 4,
  /** The policy burnt all the fuel of the request; its instance is dead. */
  exhausted: 5,
} as const;

export const REQUEST_BYTES = 256;
/** Byte offsets of a request's fields; u32 but for the offsets into the shared file, which are f64. */
export const REQUEST_AT = {
  magic: 0,
  sequence: 4,
  kind: 8,
  /** load: the core module lies at 0 of the shared file. */
  coreBytes: 16,
  memoryPagesMax: 20,
  columnMask: 24,
  stateBytesMax: 28,
  /** configure, restore: payload lies at 0 of the shared file. */
  payloadBytes: 16,
  settings: 20,
  stateVersion: 24,
  /**
   * dump: pages of memory to answer, from the first. undump: the memory's size, words of the globals and
   * pages, of which the numbers (u32) lie at 0 and the bytes at `UNDUMP_PAGES_AT`; or else words at 0.
   */
  firstPage: 16,
  pages: 20,
  memoryPages: 24,
  globals: 28,
  /** epoch */
  number: 16,
  lengthMs: 20,
  regions: 24,
  owners: 28,
  samplingPeriod: 32,
  places: 36,
  metrics: 40,
  events: 44,
  placesAt: 48,
  metricsAt: 56,
  kindsAt: 64,
  regionsAt: 72,
  othersAt: 80,
  /** By column id, eight bytes each; -1 = no source measured it. */
  columnsAt: 88,
  /** epoch, save, restore: how much of the shared file belongs to the request, f64. */
  inputBytes: 232,
  /** Every request: fuel for all the exports it calls, f64. */
  fuel: 240,
} as const;
export const COLUMN_ABSENT = -1;

/**
 * An epoch's request is followed by one tick a chunk, its number, as soon as the chunk's columns are in the
 * shared file: the host observes one chunk while the runtime writes the next.
 */
export const TICK_BYTES = 4;
export const encodeTick = (chunk: number): Uint8Array =>
  Uint8Array.of(chunk, chunk >>> 8, chunk >>> 16, chunk >>> 24);

/** Canonical ABI sizes of the records that go in. */
export const PLACE_BYTES = 24;
export const METRIC_BYTES = 16;
export const COLUMN_BYTES = 16;
export const SETTING_BYTES = 24;
export const WISH_BYTES = 8;
export const GLOBAL_BYTES = 8;
export const WASM_PAGE_BYTES = 65_536;
/** Pages that one dump or undump carries. */
export const DUMP_PAGES_MAX = stateBytesMax / WASM_PAGE_BYTES;
export const UNDUMP_PAGES_AT = DUMP_PAGES_MAX * 4;

export const REPLY_BYTES = 128;
export const REPLY_AT = {
  magic: 0,
  sequence: 4,
  status: 8,
  logLines: 12,
  logDropped: 16,
  /** Lengths of the sections, items each, in the order of `REPLY_SECTIONS`. */
  lengths: 24,
  /** One byte and one u16 (bytes of UTF-8) for each of at most 16 lines. */
  logLevels: 64,
  logLengths: 80,
  /** Fuel burnt by the request, f64. */
  fuel: 112,
  /** dump: the size of the policy's memory. */
  memoryPages: 120,
} as const;

/** The sections of a reply's body and the bytes of one item. */
export const REPLY_SECTIONS = {
  regions: 4,
  targets: 1,
  priorities: 2,
  reasons: 1,
  headroom: 4,
  wishes: WISH_BYTES,
  state: 1,
  /** dump: words of the mutable globals. */
  globals: GLOBAL_BYTES,
  /** Why `status` is not ok, in UTF-8. */
  fault: 1,
  /** All log lines after each other, in UTF-8. */
  log: 1,
} as const;

export type ReplySection = keyof typeof REPLY_SECTIONS;
export const REPLY_SECTION_NAMES = Object.keys(REPLY_SECTIONS) as readonly ReplySection[];

export type ReplyLengths = Readonly<Record<ReplySection, number>>;

const LENGTH_MAX: ReplyLengths = {
  regions: planEntriesMax,
  targets: planEntriesMax,
  priorities: planEntriesMax,
  reasons: planEntriesMax,
  headroom: placesMax,
  wishes: wishesMax,
  state: stateBytesMax,
  globals: globalWordsMax,
  fault: faultTextBytesMax,
  log: logLinesMax * logLineBytesMax,
};

/** Says which section is longer than a reply may have it; both ends ask before they allocate. */
export function findExcess(lengths: ReplyLengths): string | undefined {
  const name = REPLY_SECTION_NAMES.find((section) => lengths[section] > LENGTH_MAX[section]);
  return name && `${lengths[name]} ${name}, ${LENGTH_MAX[name]} are allowed`;
}

/** Where each section begins in the body, and the body's size. */
export function layOutReply(lengths: ReplyLengths): { readonly at: ReplyLengths; readonly bytes: number } {
  const at = { ...lengths };
  let bytes = 0;
  for (const name of REPLY_SECTION_NAMES) {
    at[name] = bytes;
    bytes += padded(lengths[name] * REPLY_SECTIONS[name]);
  }
  return { at, bytes };
}

export function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
