import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseIdList } from './proc.ts';
import { readFailure, readText, type ReadFault } from './read-file.ts';
import { failure, success, type Result } from '../result.ts';

/** Above 1 PiB at 128 MiB a block. */
export const BLOCK_INDEX_MAX = 2 ** 23;

export type BlockFault = ReadFault | 'sysfs-malformed';

/** Which node each memory block of the machine belongs to. */
export interface MemoryBlocks {
  readonly pagesPerBlock: number;
  /** Node id by block index; -1 = no block, or one that spans nodes. */
  readonly node: Int16Array;
}

/** Indices of the memory blocks of a node, ascending. */
export function readNodeBlocks(root: string, node: number): Result<number[], BlockFault> {
  const folder = join(root, 'sys/devices/system/node', `node${node}`);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    return readFailure(folder, error);
  }
  const blocks: number[] = [];
  for (const name of names) if (/^memory\d+$/.test(name)) blocks.push(Number(name.slice('memory'.length)));
  if (blocks.some((block) => block > BLOCK_INDEX_MAX))
    return failure(
      'sysfs-malformed',
      `${folder} has a block above ${BLOCK_INDEX_MAX}; raise BLOCK_INDEX_MAX`,
    );
  return success(blocks.toSorted((a, b) => a - b));
}

/** The table from page frames to nodes, for readers of physical telemetry. Read it anew after hot-plug. */
export function readMemoryBlocks(root: string): Result<MemoryBlocks, BlockFault> {
  const size = readText(join(root, 'sys/devices/system/memory/block_size_bytes'));
  if (!size.ok) return size;
  const pagesPerBlock = Number.parseInt(size.value, 16) / 4_096;
  if (!Number.isSafeInteger(pagesPerBlock) || pagesPerBlock < 1)
    return failure(
      'sysfs-malformed',
      `block_size_bytes says ${size.value.trim()}; report the kernel version`,
    );

  const online = readNodeIds(root, 'online');
  if (!online.ok) return online;
  const owners = new Map<number, number>();
  for (const node of online.value) {
    const blocks = readNodeBlocks(root, node);
    if (!blocks.ok) return blocks;
    for (const block of blocks.value) owners.set(block, owners.has(block) ? -1 : node);
  }
  const table = new Int16Array(Math.max(-1, ...owners.keys()) + 1).fill(-1);
  for (const [block, node] of owners) table[block] = node;
  return success({ pagesPerBlock, node: table });
}

/** -1 when no node or more than one has the frame's block. */
export function nodeOfFrame(blocks: MemoryBlocks, frame: number): number {
  return blocks.node[Math.floor(frame / blocks.pagesPerBlock)] ?? -1;
}

/** One of the node lists under /sys/devices/system/node: online, has_memory, has_cpu. */
export function readNodeIds(root: string, list: string): Result<number[], BlockFault> {
  const text = readText(join(root, 'sys/devices/system/node', list));
  if (!text.ok) return text;
  const ids = parseIdList(text.value);
  return ids ? success(ids) : failure('sysfs-malformed', `/sys/devices/system/node/${list} is no list`);
}
