import type { Failure } from '../../../executor/result.ts';
import type { SourceFault } from '../source.ts';
import { trailingZeros } from './bits.ts';
import type { BlockRegions } from './block-regions.ts';
import type { FrameClassifier } from './classify-frames.ts';
import { FRAMES_PER_BLOCK, LANES_PER_BLOCK, type FrameBlocks } from './frame-blocks.ts';
import type { IdleLimits, LookChoice } from './idle-limits.ts';
import { clearWatch, countLook, watchBlock, type Watch } from './watch.ts';

/** Why a block is read in this epoch. */
export const DUE = { no: 0, known: 1, watched: 2 } as const;

/** Everything known under one map of memory. */
export interface Ground {
  readonly blocks: FrameBlocks;
  readonly limits: IdleLimits;
  readonly regions: BlockRegions;
  /** `DUE` by block. */
  readonly due: Uint8Array;
}

/**
 * One pass over the blocks, ascending, after the idle bits were read: finds out what became of the frames looked
 * at (an idle bit also goes when its frame is freed), reads blocks that are due anew, splits and merges, and lists
 * in `coming` what is to be marked for the epoch that begins.
 */
export function renewWatch(
  mode: LookChoice['mode'],
  { blocks, limits, regions, due }: Ground,
  classifier: FrameClassifier,
  watch: Watch,
  coming: Watch,
): Failure<SourceFault> | undefined {
  const { masks } = classifier;
  clearWatch(coming);
  /** Whether `masks` holds all of the current block. */
  let isFresh = false;
  let undecided = 0;

  function readBlock(block: number): Failure<SourceFault> | undefined {
    const fault = classifier.classify(blocks.first[block], 0, FRAMES_PER_BLOCK);
    if (fault) return fault;
    regions.update(block, masks);
    isFresh = true;
    return undefined;
  }

  /** An idle frame is the folio it was: only the others have to be read again. */
  function confirm(block: number, at: number): Failure<SourceFault> | undefined {
    const from = firstAccessed(watch, at);
    if (from < 0) return undefined;
    const until = lastAccessed(watch, at) + 1;
    const fault = classifier.classify(blocks.first[block], from, until);
    if (fault) return fault;
    return dropLost(watch, at, masks.heads) ? readBlock(block) : undefined;
  }

  function visit(block: number, at: number): Failure<SourceFault> | undefined {
    isFresh = false;
    let fault: Failure<SourceFault> | undefined;
    if (due[block] !== DUE.no) fault = readBlock(block);
    else if (at >= 0) fault = confirm(block, at);
    if (fault) return fault;
    if (at >= 0) {
      if (isFresh) keepHeads(watch, at, masks.heads);
      const { looked, accessed } = countLook(watch, at);
      if (regions.settle(block, looked, accessed)) {
        if (!isFresh) fault = readBlock(block);
        if (fault) return fault;
        keepHeads(watch, at, masks.heads);
        regions.split(block, masks);
      }
    }
    if (regions.folios[block] > 0 && isToBeWatched(block)) list(block, at);
    return undefined;
  }

  function isToBeWatched(block: number): boolean {
    if (mode === 'full' || due[block] === DUE.watched) return true;
    return regions.isUndecided(block) && undecided++ < limits.watchedMax - limits.chosen;
  }

  function list(block: number, at: number): void {
    const slot = regions.slot[block];
    const [lanes, from] =
      slot >= 0
        ? [regions.heads, slot * LANES_PER_BLOCK]
        : isFresh
          ? [masks.heads, 0]
          : [watch.marked, at * LANES_PER_BLOCK];
    const to = watchBlock(coming, blocks, block);
    for (let lane = 0; lane < LANES_PER_BLOCK; lane++) coming.marked[to + lane] = lanes[from + lane];
  }

  for (let block = 0, next = 0; block < blocks.count; block++) {
    const at = next < watch.count && watch.block[next] === block ? next++ : -1;
    if (at < 0 && due[block] === DUE.no) continue;
    const fault = visit(block, at);
    if (fault) return fault;
  }
  return undefined;
}

function firstAccessed({ marked, idle }: Watch, at: number): number {
  for (let lane = 0; lane < LANES_PER_BLOCK; lane++) {
    const accessed = marked[at * LANES_PER_BLOCK + lane] & ~idle[at * LANES_PER_BLOCK + lane];
    if (accessed !== 0) return lane * 32 + trailingZeros(accessed);
  }
  return -1;
}

function lastAccessed({ marked, idle }: Watch, at: number): number {
  for (let lane = LANES_PER_BLOCK - 1; lane >= 0; lane--) {
    const accessed = marked[at * LANES_PER_BLOCK + lane] & ~idle[at * LANES_PER_BLOCK + lane];
    if (accessed !== 0) return lane * 32 + 31 - Math.clz32(accessed);
  }
  return -1;
}

/** Unmarks what lost its idle bit and is no folio that counts any more; answers whether there was any. */
function dropLost({ marked, idle }: Watch, at: number, heads: Uint32Array): boolean {
  let some = 0;
  for (let lane = 0; lane < LANES_PER_BLOCK; lane++) {
    const lost = marked[at * LANES_PER_BLOCK + lane] & ~idle[at * LANES_PER_BLOCK + lane] & ~heads[lane];
    marked[at * LANES_PER_BLOCK + lane] &= ~lost;
    some |= lost;
  }
  return some !== 0;
}

function keepHeads({ marked }: Watch, at: number, heads: Uint32Array): void {
  for (let lane = 0; lane < LANES_PER_BLOCK; lane++) marked[at * LANES_PER_BLOCK + lane] &= heads[lane];
}
