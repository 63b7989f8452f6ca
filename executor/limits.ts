import type { ScopeMembers } from './kernel.ts';
import type { NodeOverride } from './override-topology.ts';

/** Every bound of the executor that no operator can raise. */
export const BOUNDS = {
  planEntriesMax: 1_048_576,
  ownersMax: 4_096,
  pagesPerEntryMax: 1_048_576,
  /** Base pages that all entries of a plan name together (16 GiB). */
  pagesPerPlanMax: 4_194_304,
  /** Folios that a physical plan moves; the rest is not attempted, since an outcome could not name them. */
  frameMovesMax: 1_048_576,
  headroomEntriesMax: 255,
  /** One past the highest page number; also the span that doubles hold exactly with room to add. */
  pageNumberMax: 2 ** 52,
  /** Node ids are bytes in a plan; 255 means swap. */
  nodeMax: 254,
  /** Tiers are bytes in the contract, latency and bandwidth 32-bit words with 0 = unknown. */
  tierMax: 255,
  nodeFigureMax: 4_294_967_295,
  /** PID_MAX_LIMIT of 64-bit Linux, include/linux/threads.h. */
  pidMax: 4_194_304,
  frameBytesMax: 33_554_432,
  factsPagesMax: 65_536,
  batchPagesStart: 512,
  batchPagesMin: 64,
  batchPagesMax: 16_384,
  callLatencyTargetMsMax: 1_000,
  /** Groups below one that a scope names. */
  cgroupsMax: 65_536,
  limitsScopesMax: 1_024,
  limitsListMax: 4_096,
  pathBytesMax: 4_096,
  journalBytesMin: 65_536,
  journalBytesMax: 1_073_741_824,
  journalLineBytesMax: 16_384,
  journalCallKindsMax: 32,
  journalFlowsMax: 64,
} as const;

export interface NodeLimit {
  /** Base pages that all members of the scope may hold there together; absent = no limit. */
  readonly pagesMax?: number;
}

/** Whose memory a plan may move, between which nodes, and how much of it. */
export interface Scope {
  readonly name: string;
  readonly members: ScopeMembers;
  /** The only nodes the scope may use, as source or target. */
  readonly nodes: ReadonlyMap<number, NodeLimit>;
  /** Allowed (from, to); absent = every pair of listed nodes. */
  readonly pairs?: readonly (readonly [from: number, to: number])[];
  /** Base pages that the plans of one epoch may move. */
  readonly pagesPerEpochMax: number;
  /** A token bucket that holds one second's worth, or one huge page where that is more. */
  readonly bytesPerSecondMax?: number;
}

/** `move_phys_pages` carries out physical plans only, with a weaker guarantee: SYSCALLS.md says which. */
export type Backend = 'move_pages' | 'move_phys_pages';

/** The operator's file, checked. Nothing on the executor's socket widens it. */
export interface Limits {
  readonly scopes: ReadonlyMap<string, Scope>;
  /** Base pages kept free on a node on top of its watermark. */
  readonly reservePages: ReadonlyMap<number, number>;
  /** By how many base pages a plan may raise the reserve of a node; more is cut down to it. */
  readonly headroomPagesMax: number;
  /** What the operator corrects in the kernel's picture of the machine. */
  readonly topology: ReadonlyMap<number, NodeOverride>;
  readonly protectedPids: ReadonlySet<number>;
  /** Owners in these groups are never touched, whatever scope names them. */
  readonly protectedMembers: readonly ScopeMembers[];
  /** In the operator's order: the first one carries out physical plans. */
  readonly backends: ReadonlySet<Backend>;
  /** Whether who maps a frame is asked of the kernel's reverse map first, by a BPF program. */
  readonly walkReverseMap: boolean;
  /** The number that this kernel gave the system call; there is no other way to know it. */
  readonly movePhysPages?: { readonly number: number };
  /** How long one kernel call should take; LRU caches stay off machine-wide meanwhile. */
  readonly callLatencyTargetMs: number;
  /** Kinds of pages that the kernel would move but that stay put unless the operator says so. */
  readonly allow: {
    readonly mlocked: boolean;
    readonly hugetlb: boolean;
    readonly shared: boolean;
    readonly policyBound: boolean;
  };
  /** What happens to an entry that names only part of a huge folio: refuse, or take the whole folio. */
  readonly partialHuge: 'refuse' | 'round';
  readonly journal: { readonly path?: string; readonly bytesMax: number };
}
