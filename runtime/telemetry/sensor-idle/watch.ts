import type { Failure } from '../../../executor/result.ts';
import type { SourceFault } from '../source.ts';
import { countBits } from './bits.ts';
import { FRAMES_PER_BLOCK, LANES_PER_BLOCK, type FrameBlocks } from './frame-blocks.ts';
import { FRAMES_PER_WORD, type FrameMemory } from './frame-memory.ts';

/** 256 KiB of bitmap; the kernel hands out a page at a time. */
const BLOCKS_PER_RUN = 4_096;

/** The blocks looked at in one epoch, ascending by ordinal; bit masks lie one after the other. */
export interface Watch {
  count: number;
  readonly block: Uint32Array;
  /** Where each run of neighbouring blocks begins: their words are neighbours in the file and here. */
  readonly runStart: Uint32Array;
  runs: number;
  /** Frames whose idle bit was set at the start of the epoch and that are known to be the same folio since. */
  readonly marked: Uint32Array;
  /** Idle bits as the kernel told them at the end. */
  readonly idle: Uint32Array;
}

export function createWatch(blocksMax: number): Watch {
  return {
    count: 0,
    block: new Uint32Array(blocksMax),
    runStart: new Uint32Array(blocksMax),
    runs: 0,
    marked: new Uint32Array(blocksMax * LANES_PER_BLOCK),
    idle: new Uint32Array(blocksMax * LANES_PER_BLOCK),
  };
}

/** Nothing is looked at, or any more. */
export function clearWatch(watch: Watch): void {
  watch.count = 0;
  watch.runs = 0;
}

/** Adds the next block, above all others; the caller fills in what is to be marked from the lane answered on. */
export function watchBlock(watch: Watch, blocks: FrameBlocks, block: number): number {
  const at = watch.count++;
  watch.block[at] = block;
  const isNeighbour =
    at > 0 &&
    at - watch.runStart[watch.runs - 1] < BLOCKS_PER_RUN &&
    blocks.first[block] === blocks.first[watch.block[at - 1]] + FRAMES_PER_BLOCK;
  if (!isNeighbour) watch.runStart[watch.runs++] = at;
  return at * LANES_PER_BLOCK;
}

/** Reads the idle bits of every watched block. What lies beyond the end of memory is no longer marked. */
export function readWatch(
  watch: Watch,
  blocks: FrameBlocks,
  memory: FrameMemory,
): Failure<SourceFault> | undefined {
  return eachRun(watch, blocks, (word, from, until) => {
    const read = memory.readIdle(word, watch.idle.subarray(from, until));
    if (!read.ok) return read;
    watch.marked.fill(0, from + 2 * read.value, until);
    return undefined;
  });
}

/** Sets the idle bits of every marked frame, so that the epoch begins. */
export function markWatch(
  watch: Watch,
  blocks: FrameBlocks,
  memory: FrameMemory,
): Failure<SourceFault> | undefined {
  return eachRun(watch, blocks, (word, from, until) => {
    const written = memory.markIdle(word, watch.marked.subarray(from, until));
    if (!written.ok) return written;
    watch.marked.fill(0, from + 2 * written.value, until);
    return undefined;
  });
}

/** A call for each run. */
function eachRun(
  watch: Watch,
  blocks: FrameBlocks,
  visit: (word: number, from: number, until: number) => Failure<SourceFault> | undefined,
): Failure<SourceFault> | undefined {
  for (let run = 0; run < watch.runs; run++) {
    const start = watch.runStart[run];
    const end = run + 1 < watch.runs ? watch.runStart[run + 1] : watch.count;
    const word = blocks.first[watch.block[start]] / FRAMES_PER_WORD;
    const fault = visit(word, start * LANES_PER_BLOCK, end * LANES_PER_BLOCK);
    if (fault) return fault;
  }
  return undefined;
}

/** How many folios of the watched block at position `at` were looked at, and how many of them accessed. */
export function countLook({ marked, idle }: Watch, at: number): { looked: number; accessed: number } {
  let looked = 0;
  let accessed = 0;
  for (let lane = at * LANES_PER_BLOCK; lane < (at + 1) * LANES_PER_BLOCK; lane++) {
    looked += countBits(marked[lane]);
    accessed += countBits(marked[lane] & ~idle[lane]);
  }
  return { looked, accessed };
}
