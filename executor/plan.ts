/** Virtual = (owner, virtual page number); physical = page frame number, without an owner. */
export const SPACE = { virtual: 0, physical: 1 } as const;

/**
 * A process as a plan names it. The pid alone names nobody for long; start time tells pids apart, and
 * the stack start (randomised at exec) tells the memory before an exec from the memory after it.
 * Source: /proc/PID/stat fields 22 and 28, proc_pid_stat(5).
 */
export interface OwnerRef {
  readonly pid: number;
  readonly startTimeTicks: number;
  /** Decimal digits, since an address does not fit a double. */
  readonly stackStart: string;
}

/** Pages to keep free on a node, on top of the operator's reserve. */
export interface Headroom {
  readonly node: number;
  readonly pages: number;
}

/**
 * A plan after the runtime bound indices to addresses: equal-length columns, one row per entry.
 * It carries wishes only; the executor re-derives every fact about them from the kernel.
 */
export interface BoundPlan {
  readonly epoch: number;
  /** Name of a scope in the executor's limits file. */
  readonly scope: string;
  /** `Budgets.topologyGeneration` the plan was made under; a mismatch is `stale-topology`. */
  readonly topologyGeneration: number;
  readonly headroom: readonly Headroom[];
  readonly owners: readonly OwnerRef[];
  /** Index into `owners`; ignored in physical space. */
  readonly owner: Uint16Array;
  /** One of `SPACE`, the same in all rows. */
  readonly space: Uint8Array;
  /** Virtual page number or page frame number; a whole number below 2^52. */
  readonly pageNumber: Float64Array;
  /** Base pages from `pageNumber` on. */
  readonly pages: Uint32Array;
  /** Node id. 255 = swap. */
  readonly target: Uint8Array;
  /** Higher first, ties by position. */
  readonly priority: Uint16Array;
}

export const TARGET_SWAP = 255;

/** Why a whole plan was refused; nothing of it was attempted. */
export type PlanFault =
  | 'plan-malformed'
  | 'plan-too-large'
  | 'plan-too-many-owners'
  | 'scope-unknown'
  /** Said by a runtime: its own file and the executor's mean different memory by the scope's name. */
  | 'scope-mismatch'
  | 'stale-topology'
  | 'topology-unreadable'
  | 'journal-unwritable'
  | 'executor-paused'
  | 'executor-unreachable'
  | 'frame-too-large'
  | 'request-unknown'
  | 'permission-missing';

/** Base pages that went from one node to another, counted after the fact. */
export interface Flow {
  readonly from: number;
  readonly to: number;
  readonly pages: number;
}

/**
 * Where the contents of physical entries went: one row per folio that changed its frame, or per page of one that
 * arrived in part, in the order in which they did: a frame may be `from` in one row and `to` in a later one. Empty
 * for virtual plans, whose regions keep their address wherever they live.
 */
export interface FrameMoves {
  /** Row of the plan. */
  readonly entry: Uint32Array;
  /** Head frame before. */
  readonly from: Float64Array;
  /** Head frame after. */
  readonly to: Float64Array;
  /** Base pages of the folio. */
  readonly pages: Uint32Array;
}

export const NO_FRAME_MOVES: FrameMoves = {
  entry: new Uint32Array(),
  from: new Float64Array(),
  to: new Float64Array(),
  pages: new Uint32Array(),
};

/** What the kernel did, established by asking it again after each call. */
export interface Outcome {
  readonly epoch: number;
  /** One `VERDICT` per plan entry, in plan order. */
  readonly verdicts: Uint8Array;
  /** Base pages of each entry found at its target after having been elsewhere, in plan order. */
  readonly movedPages: Uint32Array;
  readonly flows: readonly Flow[];
  readonly frames: FrameMoves;
  /** Kernel calls that moved something or tried to. */
  readonly calls: number;
  /** Time inside those calls. */
  readonly callNs: number;
}

/** What a scope may do on one node in the coming epoch. Sizes are base pages. */
export interface NodeBudget {
  readonly node: number;
  /** 0 = fastest. */
  readonly tier: number;
  readonly hasCpus: boolean;
  readonly capacity: number;
  /** Free above watermark and reserve, within the scope's own limit there. */
  readonly room: number;
  /** Pages that the quota still lets in. */
  readonly budget: number;
  /** 0 = unknown. */
  readonly latencyNs: number;
  /** 0 = unknown. */
  readonly bandwidthMib: number;
  /** Mean of the recent moves into this node, per base page; 0 = none measured. */
  readonly moveCostNs: number;
}

/** Whose memory: all of a cgroup's subtree (v2), or of a user. */
export type ScopeMembers =
  | { readonly kind: 'cgroup'; readonly path: string }
  | { readonly kind: 'uid'; readonly uid: number };

export interface Budgets {
  readonly topologyGeneration: number;
  /** Of the scope, as the limits file says. */
  readonly members: ScopeMembers;
  /** The nodes that the scope may use and that exist now; what it cannot use must not colour its decisions. */
  readonly nodes: readonly NodeBudget[];
}
