import { MAPPER_BOUNDS } from '../mapper-bounds.ts';

/**
 * The memory that the walk shares with us: a page of 64-bit slots and the stack of tree nodes, the frames asked
 * for, a header per frame, and the rows found. Every part is a power of two in size, so that the verifier sees
 * a masked index stay inside.
 */
export const SLOT = {
  frames: 0,
  cursor: 1,
  /** Rows of frames that are done; those behind belong to a frame cut short by the end of a call. */
  rowsDone: 2,
  rows: 3,
  state: 4,
  stack: 5,
  kind: 6,
  frame: 7,
  pages: 8,
  /** Offsets (in pages) of the folio in its file or anonymous object: first and last. */
  first: 9,
  last: 10,
  /** The object whose tree is walked; every node must name it. */
  object: 11,
  steps: 12,
  found: 13,
  mapcount: 14,
  flags: 15,
  left: 16,
  right: 17,
  nodeLast: 18,
  vma: 19,
  mm: 20,
  address: 21,
  end: 22,
  /** Frame that `address` maps if the folio is mapped there. */
  expected: 23,
  recorded: 24,
  span: 25,
  task: 26,
  stableNode: 27,
  stableItem: 28,
  stableAddress: 29,
  /** What is known of a mapping and its owner: neighbours in a question mostly share both. 0 = none. */
  knownVma: 30,
  knownPid: 31,
  knownFlags: 32,
  knownNodes: 33,
  knownPolicy: 34,
  /** In and out of the locating program. */
  fileAt: 40,
  candidate: 41,
  probeAddress: 42,
  folio: 43,
  table: 44,
  probeFrame: 45,
} as const;
export type Slot = keyof typeof SLOT;

export const STATE = { fetch: 0, node: 1, page: 2, stable: 3 } as const;
export const KIND = { file: 0, anonymous: 1, ksm: 2 } as const;

/** Why a frame has no whole answer; bits of word 0 of its header, beside its kind. */
export const FLAG = {
  outside: 1,
  notHead: 2,
  truncated: 4,
  /** A pointer that cannot be one: memory changed under the walk. */
  odd: 8,
  ksm: 16,
} as const;

export const STACK_DEPTH = 128;
/** More than the rows one frame can add stay free when it is begun. */
export const ROWS_MAX = 16_384;
export const ROW_BYTES = 64;
export const HEADER_BYTES = 16;

export const STACK_AT = 1_024;
export const FRAMES_AT = 4_096;
export const HEADERS_AT = FRAMES_AT + 4 * MAPPER_BOUNDS.walkFramesPerCall;
export const ROWS_AT = HEADERS_AT + HEADER_BYTES * MAPPER_BOUNDS.walkFramesPerCall;
export const MEMORY_BYTES = ROWS_AT + ROWS_MAX * ROW_BYTES;

/** Byte offsets in a header and in a row. */
export const HEADER = { flags: 0, found: 4, mapcount: 8, pages: 12 } as const;
export const ROW = { address: 0, pid: 8, cursor: 12, vmaFlags: 16, nodes: 24, policy: 32, kind: 36 } as const;

/** The policy word of a row: 0 = unknown, 1 = none, else mode + 2; with this bit when it is the task's. */
export const POLICY_OF_TASK = 0x1_0000;
