import { FRAME_HIGH, FRAME_LOW } from '../../../executor/linux/frame-flags.ts';
import type { Failure } from '../../../executor/result.ts';
import type { SourceFault } from '../source.ts';
import { FRAMES_PER_BLOCK, LANES_PER_BLOCK } from './frame-blocks.ts';
import type { FrameMemory } from './frame-memory.ts';

/** Kinds that no idle bit is kept for, or that nobody may move. */
const EXCLUDED =
  FRAME_LOW.slab |
  FRAME_LOW.buddy |
  FRAME_LOW.huge |
  FRAME_LOW.hwpoison |
  FRAME_LOW.nopage |
  FRAME_LOW.offline |
  FRAME_LOW.zero |
  FRAME_LOW.pgtable;

const INODE_LANE = 2 ** 32;
/** 256 KiB, the size kernel measurements found best. */
const ENTRIES_PER_READ = 32_768;

/** What lies in a block, a bit per frame. */
export interface BlockMasks {
  /** Folios on an LRU list that count: the first frame of each. */
  readonly heads: Uint32Array;
  /** Their other frames. */
  readonly tails: Uint32Array;
  /** Heads of page cache and shared memory. */
  readonly file: Uint32Array;
  /** Heads that reclaim must leave alone. */
  readonly fixed: Uint32Array;
}

export interface FrameClassifier {
  /** Of the last `classify`; overwritten by the next. */
  readonly masks: BlockMasks;
  /**
   * Flags are facts of one moment: to be called at the start of each epoch. `isDense` = all blocks will be asked
   * for, so many are read at once.
   */
  refresh(isDense: boolean): void;
  /**
   * Reads what the frames `from` … `until - 1` of the block at `first` are; of a folio that begins before them
   * nothing is seen.
   */
  classify(first: number, from: number, until: number): Failure<SourceFault> | undefined;
}

export function createFrameClassifier(memory: FrameMemory): FrameClassifier {
  const mask = () => new Uint32Array(LANES_PER_BLOCK);
  const masks = { heads: mask(), tails: mask(), file: mask(), fixed: mask() };
  const flags = new Uint32Array(2 * ENTRIES_PER_READ);
  let flagsFirst = 0;
  let flagsCount = 0;
  let entriesAtOnce = 0;
  const charges = new Uint32Array(2 * FRAMES_PER_BLOCK);
  let cgroups: ReadonlySet<number> | undefined;

  function loadFlags(first: number, count: number): Failure<SourceFault> | undefined {
    if (first >= flagsFirst && first + count <= flagsFirst + flagsCount) return undefined;
    const wanted = Math.max(count, entriesAtOnce);
    const read = memory.readFlags(first, flags.subarray(0, 2 * wanted));
    flagsFirst = first;
    flagsCount = wanted;
    if (!read.ok) {
      flagsCount = 0;
      return read;
    }
    flags.fill(0, 2 * read.value, 2 * wanted);
    return undefined;
  }

  function loadCharges(first: number, count: number): Failure<SourceFault> | undefined {
    if (cgroups === undefined) return undefined;
    const read = memory.readCgroups(first, charges.subarray(0, 2 * count));
    if (!read.ok) return read;
    charges.fill(0, 2 * read.value, 2 * count);
    return undefined;
  }

  function isCounted(low: number, high: number, at: number): boolean {
    if ((low & FRAME_LOW.lru) === 0 || (low & EXCLUDED) !== 0 || (high & FRAME_HIGH.reserved) !== 0)
      return false;
    return cgroups === undefined || cgroups.has(charges[2 * at + 1] * INODE_LANE + charges[2 * at]);
  }

  function sort(first: number, from: number, until: number): void {
    const { heads, tails, file, fixed } = masks;
    let inFolio = false;
    for (let frame = from; frame < until; frame++) {
      const entry = 2 * (first + frame - flagsFirst);
      const low = flags[entry];
      const high = flags[entry + 1];
      const lane = frame >>> 5;
      const bit = 1 << (frame & 31);
      if (low & FRAME_LOW.tail) {
        if (inFolio) tails[lane] |= bit;
        continue;
      }
      const counted = isCounted(low, high, frame - from);
      inFolio = counted && (low & FRAME_LOW.head) !== 0;
      if (!counted) continue;
      heads[lane] |= bit;
      if ((low & FRAME_LOW.anon) === 0) file[lane] |= bit;
      if (low & FRAME_LOW.unevictable || high & FRAME_HIGH.mlocked) fixed[lane] |= bit;
    }
  }

  return {
    masks,
    refresh(isDense) {
      flagsCount = 0;
      entriesAtOnce = isDense ? ENTRIES_PER_READ : 0;
      cgroups = memory.cgroups();
    },
    classify(first, from, until) {
      clear(masks);
      const fault = loadFlags(first + from, until - from) ?? loadCharges(first + from, until - from);
      if (!fault) sort(first, from, until);
      return fault;
    },
  };
}

function clear({ heads, tails, file, fixed }: BlockMasks): void {
  heads.fill(0);
  tails.fill(0);
  file.fill(0);
  fixed.fill(0);
}
