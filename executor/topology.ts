/** One NUMA node as the kernel describes it. Sizes are base pages. */
export interface TopologyNode {
  readonly node: number;
  /** 0 = fastest; nodes of one kernel memory tier share a number. */
  readonly tier: number;
  readonly hasCpus: boolean;
  /** Pages the kernel manages there (zoneinfo `managed`). */
  readonly capacity: number;
  readonly free: number;
  /** Free pages below this are the kernel's own: the high watermarks of all zones plus a batch. */
  readonly watermark: number;
  /** From HMAT; 0 = unknown. */
  readonly latencyNs: number;
  readonly bandwidthMib: number;
}

export interface Topology {
  /** Changes whenever a node, its tier or its memory blocks do. */
  readonly generation: number;
  readonly nodes: readonly TopologyNode[];
}
