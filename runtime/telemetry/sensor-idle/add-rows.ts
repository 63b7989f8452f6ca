import { REGION_FLAG } from '../../contract.ts';
import type { RowBuilder } from '../sample-rows.ts';
import { countRun, trailingZeros } from './bits.ts';
import type { BlockRegions } from './block-regions.ts';
import { FRAMES_PER_BLOCK, LANES_PER_BLOCK, type FrameBlocks } from './frame-blocks.ts';
import { countLook, type Watch } from './watch.ts';

const COVERED = 255;
const UNWATCHED = -1;
const NOTHING = { looked: 0, accessed: 0 } as const;

/** A row per region, ascending by frame. What was marked and is not idle any more was accessed. */
export function addRows(rows: RowBuilder, blocks: FrameBlocks, regions: BlockRegions, watch: Watch): void {
  rows.reserve(regions.countMax);
  let watched = 0;
  for (let block = 0; block < blocks.count; block++) {
    const isWatched = watched < watch.count && watch.block[watched] === block;
    const at = isWatched ? watched++ : UNWATCHED;
    if (regions.folios[block] === 0) continue;
    const first = blocks.first[block];
    const node = blocks.node[block];
    const slot = regions.slot[block];
    if (slot >= 0) {
      addFolios(rows, first, node, regions, slot * LANES_PER_BLOCK, watch, at * LANES_PER_BLOCK);
      continue;
    }
    const { looked, accessed } = at < 0 ? NOTHING : countLook(watch, at);
    rows.add(0, first, FRAMES_PER_BLOCK, node, accessed, 0, regions.flags[block], looked > 0 ? COVERED : 0);
  }
}

function addFolios(
  rows: RowBuilder,
  first: number,
  node: number,
  { heads, tails, file, fixed }: BlockRegions,
  slot: number,
  watch: Watch,
  at: number,
): void {
  const end = (slot + LANES_PER_BLOCK) * 32;
  for (let lane = 0; lane < LANES_PER_BLOCK; lane++) {
    const marked = at < 0 ? 0 : watch.marked[at + lane];
    const accessed = at < 0 ? 0 : marked & ~watch.idle[at + lane];
    const inLane = slot + lane;
    for (let left = heads[inLane]; left !== 0; left &= left - 1) {
      const bit = left & -left;
      const frame = trailingZeros(left);
      const pages = 1 + countRun(tails, inLane * 32 + frame + 1, end);
      const flags =
        (pages === FRAMES_PER_BLOCK ? REGION_FLAG.huge : 0) |
        (file[inLane] & bit ? REGION_FLAG.file : 0) |
        (fixed[inLane] & bit ? REGION_FLAG.unmovable : 0);
      const coverage = marked & bit ? COVERED : 0;
      rows.add(0, first + lane * 32 + frame, pages, node, accessed & bit ? 1 : 0, 0, flags, coverage);
    }
  }
}
