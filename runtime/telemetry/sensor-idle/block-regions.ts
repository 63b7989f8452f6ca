import { REGION_FLAG } from '../../contract.ts';
import { countAll } from './bits.ts';
import type { BlockMasks } from './classify-frames.ts';
import { FRAMES_PER_BLOCK, LANES_PER_BLOCK, type FrameBlocks } from './frame-blocks.ts';

/** Looks in a row that found a block mixed before it is split, and uniform before it is merged again. */
export const MIXED_LOOKS_TO_SPLIT = 3;
export const UNIFORM_LOOKS_TO_MERGE = 4;
/** A block is mixed when at least one folio in so many is unlike the others. */
export const MIXED_PER = 32;

const WHOLE = -1;

export interface RegionLimits {
  /** Regions beyond one a block. */
  readonly extraMax: number;
  /** Blocks told folio by folio at once. */
  readonly splitsMax: number;
  /** Every block is split as soon as it is seen, and stays so, as far as there is room. */
  readonly splitAlways: boolean;
}

/**
 * Which regions blocks are told as: one of 512 pages, or one per folio. A column per block, and for the split
 * ones bit masks in a slot each.
 */
export interface BlockRegions {
  /** Regions told now. */
  readonly count: number;
  /** Regions there can be. */
  readonly countMax: number;
  /** Folios that count, by block; 0 = nothing there is known. */
  readonly folios: Uint16Array;
  /** `REGION_FLAG`s that all of a block has. */
  readonly flags: Uint8Array;
  /** Slot by block, or -1. */
  readonly slot: Int32Array;
  /** Bit masks by slot. */
  readonly heads: Uint32Array;
  readonly tails: Uint32Array;
  readonly file: Uint32Array;
  readonly fixed: Uint32Array;
  /** Takes over what a block was found to hold. */
  update(block: number, masks: BlockMasks): void;
  /**
   * Takes a look into account: of `looked` folios `accessed` were. Answers whether it calls for a split, which
   * the caller asks for with fresh masks.
   */
  settle(block: number, looked: number, accessed: number): boolean;
  /** False when there is nothing to split, or no room for its folios. */
  split(block: number, masks: BlockMasks): boolean;
  /** Whether the last looks found it mixed, yet too few to decide. */
  isUndecided(block: number): boolean;
}

/** `before` with its blocks = what was known under the memory map before, to be kept where blocks are the same. */
export function createBlockRegions(
  blocks: FrameBlocks,
  limits: RegionLimits,
  before?: { readonly blocks: FrameBlocks; readonly regions: BlockRegions },
): BlockRegions {
  const folios = new Uint16Array(blocks.count);
  const flags = new Uint8Array(blocks.count);
  const slot = new Int32Array(blocks.count).fill(WHOLE);
  const looks = new Uint8Array(blocks.count);
  const freeSlots: number[] = [];
  let slots = 0;
  let whole = 0;
  let extra = 0;

  /** All at once: what is never written costs no memory. */
  const mask = () => new Uint32Array(limits.splitsMax * LANES_PER_BLOCK);
  const regions = {
    get count() {
      return whole + extra;
    },
    countMax: Math.min(blocks.count * FRAMES_PER_BLOCK, blocks.count + limits.extraMax),
    folios,
    flags,
    slot,
    heads: mask(),
    tails: mask(),
    file: mask(),
    fixed: mask(),
    update,
    settle,
    split,
    isUndecided: (block: number) => slot[block] === WHOLE && looks[block] > 0,
  };

  function update(block: number, masks: BlockMasks): void {
    const isSplit = slot[block] !== WHOLE;
    const count = countAll(masks.heads);
    whole += Number(count > 0) - Number(folios[block] > 0);
    if (isSplit) extra += Math.max(count, 1) - Math.max(folios[block], 1);
    folios[block] = count;
    flags[block] = flagsOf(masks);
    if (!isSplit) {
      if (limits.splitAlways && count > 0) split(block, masks);
    } else if (extra > limits.extraMax || count === 0) merge(block);
    else store(slot[block], masks);
  }

  function settle(block: number, looked: number, accessed: number): boolean {
    if (limits.splitAlways || looked === 0) return false;
    const fewer = Math.min(accessed, looked - accessed);
    const isMixed = fewer * MIXED_PER >= looked && fewer > 0;
    const isSplit = slot[block] !== WHOLE;
    const again = isMixed !== isSplit;
    looks[block] = again ? Math.min(looks[block] + 1, 255) : 0;
    if (isSplit && looks[block] >= UNIFORM_LOOKS_TO_MERGE) merge(block);
    return !isSplit && looks[block] >= MIXED_LOOKS_TO_SPLIT;
  }

  function split(block: number, masks: BlockMasks): boolean {
    const more = folios[block] - 1;
    if (more < 0 || extra + more > limits.extraMax) return false;
    if (freeSlots.length === 0 && slots === limits.splitsMax) return false;
    extra += more;
    looks[block] = 0;
    slot[block] = freeSlots.pop() ?? slots++;
    store(slot[block], masks);
    return true;
  }

  function merge(block: number): void {
    extra -= Math.max(folios[block], 1) - 1;
    looks[block] = 0;
    freeSlots.push(slot[block]);
    slot[block] = WHOLE;
  }

  function store(at: number, masks: BlockMasks): void {
    const from = at * LANES_PER_BLOCK;
    regions.heads.set(masks.heads, from);
    regions.tails.set(masks.tails, from);
    regions.file.set(masks.file, from);
    regions.fixed.set(masks.fixed, from);
  }

  /** Both lists of blocks ascend. */
  function adopt(from: FrameBlocks, known: BlockRegions): void {
    for (let block = 0, old = 0; block < blocks.count; block++) {
      while (old < from.count && from.first[old] < blocks.first[block]) old++;
      if (old === from.count || from.first[old] !== blocks.first[block] || known.folios[old] === 0) continue;
      folios[block] = known.folios[old];
      flags[block] = known.flags[old];
      whole++;
      if (known.slot[old] !== WHOLE) split(block, slotMasks(known, known.slot[old]));
    }
  }

  if (before) adopt(before.blocks, before.regions);
  return regions;
}

export function slotMasks(regions: BlockRegions, slot: number): BlockMasks {
  const part = (lanes: Uint32Array) => lanes.subarray(slot * LANES_PER_BLOCK, (slot + 1) * LANES_PER_BLOCK);
  const { heads, tails, file, fixed } = regions;
  return { heads: part(heads), tails: part(tails), file: part(file), fixed: part(fixed) };
}

/** A flag of all folios in a block; `huge` = one folio fills it. */
function flagsOf({ heads, tails, file, fixed }: BlockMasks): number {
  return (
    (countAll(tails) === LANES_PER_BLOCK * 32 - 1 ? REGION_FLAG.huge : 0) |
    (isSame(heads, file) ? REGION_FLAG.file : 0) |
    (isSame(heads, fixed) ? REGION_FLAG.unmovable : 0)
  );
}

function isSame(one: Uint32Array, other: Uint32Array): boolean {
  for (let lane = 0; lane < LANES_PER_BLOCK; lane++) if (one[lane] !== other[lane]) return false;
  return true;
}
