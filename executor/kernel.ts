import type { FrameMappers } from './frame-mappers.ts';
import type { OwnerRef, ScopeMembers } from './plan.ts';

export type { ScopeMembers } from './plan.ts';
import type { Result } from './result.ts';
import type { Topology } from './topology.ts';

/** Facts about the base page behind one virtual page number, as far as the kernel tells them. */
export const FACT = {
  present: 1,
  shared: 2,
  mlocked: 4,
  hugetlb: 8,
  /** On an LRU list and of a kind that migrates. */
  movable: 16,
  /** The memory policy of its VMA restricts nodes. */
  policyBound: 32,
  file: 64,
} as const;

/** Columns with one row per asked page. */
export interface PageFacts {
  /** Bits of `FACT`. */
  readonly flags: Uint8Array;
  /** Node id; -1 where not present. */
  readonly node: Int16Array;
  /** Virtual page number at which the folio behind the page starts; the page's own for a single page. */
  readonly folioStart: Float64Array;
  /** Base pages of that folio. */
  readonly folioPages: Uint32Array;
  /** Number of the frame behind the page; -1 where not present. */
  readonly frame: Float64Array;
}

/** What a page frame is, whoever maps it. */
export const FRAME = {
  /** Memory of processes or page cache, of a kind that migrates. */
  usable: 0,
  /** In the free lists. */
  free: 1,
  /** The kernel's own: slab, page tables, reserved. */
  kernel: 2,
  /** Taken offline, or no memory at all. */
  offline: 3,
  poisoned: 4,
  /** Anything else that stays where it is: the zero page, buffers of drivers. */
  unmovable: 5,
} as const;

/** Columns with one row per asked frame. */
export interface FrameFacts {
  /** One of `FRAME`. */
  readonly state: Uint8Array;
  /** First frame of the folio that the frame belongs to. */
  readonly folioStart: Float64Array;
  readonly folioPages: Uint32Array;
  /** Inode of the memory cgroup that is charged for it; 0 = none, or the kernel has none; -1 = unreadable. */
  readonly charged: Float64Array;
}

/** The outcome of one call: the kernel's return value, and errno (0 unless it was -1). */
export interface CallResult {
  readonly returned: number;
  readonly errno: number;
  readonly ns: number;
}

/** One process' memory, held by descriptors that die with it. */
export interface OwnerMemory {
  readonly ref: OwnerRef;
  /** False once the process exited or replaced its memory. */
  alive(): boolean;
  /** Node ids that the owner's cpuset allows. */
  allowedNodes(): ReadonlySet<number>;
  facts(pageNumber: Float64Array): Result<PageFacts>;
  /** Where pages are now: a node id or a negative errno per page, in `status`. */
  query(pageNumber: Float64Array, status: Int32Array): CallResult;
  /** Which frames are behind pages now, or -1; in `frame`. False when the memory is gone. */
  frames(pageNumber: Float64Array, frame: Float64Array): boolean;
  /**
   * Asks the kernel to move each page to its node; `status` only as far as the kernel wrote it. With `together`
   * also pages that others map.
   */
  move(pageNumber: Float64Array, node: Int32Array, status: Int32Array, together?: boolean): CallResult;
  close(): void;
}

/**
 * The executor's only way to the machine. One implementation asks Linux, the other a simulated machine;
 * there is no third path and no dry-run flag.
 */
export interface Kernel {
  topology(): Result<Topology>;
  open(ref: OwnerRef): Result<OwnerMemory>;
  /** Whether the process belongs to the scope now. */
  isMember(ref: OwnerRef, members: ScopeMembers): boolean;
  /** Base pages the scope's members hold on each node, by node id. */
  usage(members: ScopeMembers): Result<ReadonlyMap<number, number>>;
  /** How the process that has this pid now is named. */
  refOf(pid: number): Result<OwnerRef>;
  /** Facts about frames, ascending. */
  frames(frame: Float64Array): Result<FrameFacts>;
  /** Who maps folios, by their first frames: ascending and distinct. */
  mappers(head: Float64Array): Result<FrameMappers>;
  /** Inodes of a cgroup and of all below it. */
  cgroups(path: string): Result<ReadonlySet<number>>;
  /** As `OwnerMemory.move`, of the folios that begin at these frames, whoever they belong to by then. */
  moveFrames(head: Float64Array, node: Int32Array, status: Int32Array, together: boolean): CallResult;
  close(): void;
}
