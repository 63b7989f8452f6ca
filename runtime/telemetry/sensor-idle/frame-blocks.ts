import type { MemoryBlocks } from '../../../executor/procfs/memory-blocks.ts';
import { failure, success, type Result } from '../../../executor/result.ts';
import type { SourceFault } from '../source.ts';
import { FRAMES_PER_WORD } from './frame-memory.ts';

/** 2 MiB: no folio on an LRU list is larger, and each is aligned to its size, so none leaves its block. */
export const FRAMES_PER_BLOCK = 512;
export const WORDS_PER_BLOCK = FRAMES_PER_BLOCK / FRAMES_PER_WORD;
/** A bit per frame. */
export const LANES_PER_BLOCK = 2 * WORDS_PER_BLOCK;

const NODE_MAX = 254;

/** The 2 MiB blocks of the watched nodes, ascending. An ordinal is a position here. */
export interface FrameBlocks {
  readonly count: number;
  /** First frame of each. */
  readonly first: Float64Array;
  readonly node: Uint8Array;
}

/** Memory blocks that span nodes are left out, as nobody could say where their frames are. */
export function listFrameBlocks(
  memory: MemoryBlocks,
  nodes: readonly number[] | undefined,
): Result<FrameBlocks, SourceFault> {
  const absent = nodes?.find((node) => !memory.node.includes(node));
  if (absent !== undefined)
    return failure('node-missing', `node ${absent} has no memory; correct --nodes, or bring it online`);
  const perMemoryBlock = memory.pagesPerBlock / FRAMES_PER_BLOCK;
  if (!Number.isInteger(perMemoryBlock))
    return failure('sensor-failed', `memory blocks of ${memory.pagesPerBlock} pages; 2 MiB must divide them`);
  const isWatched = (owner: number) => owner >= 0 && owner <= NODE_MAX && (nodes?.includes(owner) ?? true);
  const count = memory.node.reduce((sum, owner) => sum + (isWatched(owner) ? perMemoryBlock : 0), 0);
  const first = new Float64Array(count);
  const node = new Uint8Array(count);
  let block = 0;
  for (const [index, owner] of memory.node.entries()) {
    if (!isWatched(owner)) continue;
    for (let at = 0; at < perMemoryBlock; at++, block++) {
      first[block] = (index * perMemoryBlock + at) * FRAMES_PER_BLOCK;
      node[block] = owner;
    }
  }
  return success({ count, first, node });
}

export function isSameMemory(one: MemoryBlocks, other: MemoryBlocks): boolean {
  return (
    one.pagesPerBlock === other.pagesPerBlock &&
    one.node.length === other.node.length &&
    one.node.every((node, at) => node === other.node[at])
  );
}
