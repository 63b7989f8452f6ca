import { fingerprint } from './fingerprint.ts';
import type { Topology } from './topology.ts';

/** What the operator knows better than the kernel about a node; what is absent stays as the kernel says. */
export interface NodeOverride {
  /** Compared with the kernel's ranks (0 = fastest, one number for each of its tiers); gaps do no harm. */
  readonly tier?: number;
  readonly latencyNs?: number;
  readonly bandwidthMib?: number;
}

/**
 * The kernel ranks a node without HMAT latencies beside DRAM, however slow it is, and has no file to correct
 * that. Overrides enter the generation, since plans made under other tiers must not be carried out; those of
 * absent nodes wait for them.
 */
export function overrideTopology(topology: Topology, overrides: ReadonlyMap<number, NodeOverride>): Topology {
  if (overrides.size === 0) return topology;
  const identity = JSON.stringify([topology.generation, ...overrides]);
  return {
    generation: fingerprint(identity),
    nodes: topology.nodes.map((node) => ({ ...node, ...overrides.get(node.node) })),
  };
}
