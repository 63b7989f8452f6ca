import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint } from '../fingerprint.ts';
import { readNodeBlocks, readNodeIds, type BlockFault } from './memory-blocks.ts';
import { parseIdList } from './proc.ts';
import { readText } from './read-file.ts';
import { failure, success, type Result } from '../result.ts';
import type { Topology, TopologyNode } from '../topology.ts';
import { parseZoneinfo } from './zoneinfo.ts';

/** Latency rank of each node, 0 = fastest. */
type Tiers = ReadonlyMap<number, number>;

/**
 * Reads nodes, tiers and free memory afresh. Only nodes with memory are listed. Sources:
 * Documentation/ABI/stable/sysfs-devices-node, testing/sysfs-kernel-mm-memory-tiers, /proc/zoneinfo.
 */
export function readTopology(root: string): Result<Topology, BlockFault> {
  const withMemory = readNodeIds(root, 'has_memory');
  if (!withMemory.ok) return withMemory;
  const withCpus = readNodeIds(root, 'has_cpu');
  if (!withCpus.ok) return withCpus;
  const text = readText(join(root, 'proc/zoneinfo'));
  if (!text.ok) return text;
  const zones = parseZoneinfo(text.value);
  if (!zones)
    return failure('sysfs-malformed', '/proc/zoneinfo has an unknown form; report the kernel version');

  const cpuNodes = new Set(withCpus.value);
  const tiers = readKernelTiers(root, withMemory.value) ?? rankByDistance(root, withMemory.value, cpuNodes);
  const nodes: TopologyNode[] = [];
  const identity: string[] = [];
  for (const node of withMemory.value) {
    const zone = zones.find((each) => each.node === node);
    const blocks = readNodeBlocks(root, node);
    // A node may go away between two reads; the next reading has another generation.
    if (!zone || !blocks.ok) continue;
    const tier = tiers.get(node) ?? 0;
    nodes.push({
      node,
      tier,
      hasCpus: cpuNodes.has(node),
      capacity: zone.managed,
      free: zone.free,
      watermark: zone.watermark,
      latencyNs: readAccess(root, node, 'read_latency'),
      bandwidthMib: readAccess(root, node, 'read_bandwidth'),
    });
    // Offlining a block keeps its link under the node but takes its pages out of `present`.
    identity.push(`${node} ${tier} ${zone.present} ${blocks.value.join(',')}`);
  }
  return success({ generation: fingerprint(identity.join('\n')), nodes });
}

/**
 * Ranks of memory_tierN, where N grows with latency (the number itself means nothing: DRAM is 4).
 * Undefined unless every node is in a tier, since a half table cannot be ranked.
 */
function readKernelTiers(root: string, nodes: readonly number[]): Tiers | undefined {
  const folder = join(root, 'sys/devices/virtual/memory_tiering');
  const found: { level: number; nodes: number[] }[] = [];
  for (const name of listFolder(folder)) {
    const level = /^memory_tier(\d+)$/.exec(name)?.[1];
    const list = level === undefined ? undefined : readText(join(folder, name, 'nodelist'));
    const members = list?.ok ? parseIdList(list.value) : undefined;
    const present = members?.filter((node) => nodes.includes(node)) ?? [];
    if (present.length > 0) found.push({ level: Number(level), nodes: present });
  }
  found.sort((a, b) => a.level - b.level);
  const tiers = new Map<number, number>();
  for (const [rank, tier] of found.entries()) for (const node of tier.nodes) tiers.set(node, rank);
  return nodes.every((node) => tiers.has(node)) ? tiers : undefined;
}

/** Without memory tiers: nodes with CPUs first, then each distance from the nearest CPU a tier of its own. */
function rankByDistance(root: string, nodes: readonly number[], cpuNodes: ReadonlySet<number>): Tiers {
  const distances = new Map<number, number>();
  for (const node of nodes) distances.set(node, cpuNodes.has(node) ? 0 : readDistance(root, node, cpuNodes));
  const ranks = [...new Set(distances.values())].toSorted((a, b) => a - b);
  return new Map([...distances].map(([node, distance]) => [node, ranks.indexOf(distance)]));
}

/** The columns of nodeN/distance stand for the online nodes in order. */
function readDistance(root: string, node: number, cpuNodes: ReadonlySet<number>): number {
  const online = readNodeIds(root, 'online');
  const text = readText(join(root, 'sys/devices/system/node', `node${node}`, 'distance'));
  if (!online.ok || !text.ok) return Number.MAX_SAFE_INTEGER;
  const columns = text.value.trim().split(/\s+/).map(Number);
  const toCpus = columns.filter((_, column) => cpuNodes.has(online.value[column]));
  return Math.min(Number.MAX_SAFE_INTEGER, ...toCpus);
}

/** From HMAT, best initiator: ns and MiB/s; 0 where the platform does not say. */
function readAccess(root: string, node: number, file: string): number {
  const text = readText(join(root, 'sys/devices/system/node', `node${node}`, 'access0/initiators', file));
  return text.ok && /^\d+$/.test(text.value.trim()) ? Number(text.value) : 0;
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
