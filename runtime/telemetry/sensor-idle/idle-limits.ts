import { failure, success, type Result } from '../../../executor/result.ts';
import { sampledRegionsMax, watchedBlocksMax } from '../../limits.ts';
import type { SourceFault } from '../source.ts';
import type { RegionLimits } from './block-regions.ts';
import { FRAMES_PER_BLOCK } from './frame-blocks.ts';

/** Up to 4 GiB every folio fits a sample. */
const FOLIO_FRAMES_MAX = 1_048_576;
/** Regions for split blocks: an eighth on top of one a block, and at least so many. */
const EXTRA_PART = 8;
const EXTRA_MIN = 65_536;
const SPLITS_MAX = 16_384;
/** Epochs in which every block is read anew, where it is not every epoch. */
const ROTATION_EPOCHS = 8;

export interface LookChoice {
  /** full = every block in every epoch; sampled = a random share of them. */
  readonly mode: 'full' | 'sampled';
  /** Of the blocks, in (0, 1]; for `sampled`. */
  readonly samplingShare: number;
  /** By default folios on up to 4 GiB, blocks beyond. */
  readonly regions?: 'folios' | 'blocks';
}

export interface IdleLimits extends RegionLimits {
  /** Blocks classified anew in one epoch; when sampled these are also the ones looked at. */
  readonly chosen: number;
  /** Blocks looked at in one epoch. */
  readonly watchedMax: number;
}

export function deriveLimits(blocks: number, choice: LookChoice): Result<IdleLimits, SourceFault> {
  const { mode, samplingShare, regions } = choice;
  const byFolio =
    regions === undefined ? blocks * FRAMES_PER_BLOCK <= FOLIO_FRAMES_MAX : regions === 'folios';
  const extraMax = byFolio ? sampledRegionsMax - blocks : Math.max(EXTRA_MIN, Math.ceil(blocks / EXTRA_PART));
  if (extraMax < 0 || blocks + extraMax > sampledRegionsMax)
    return failure(
      'too-many-regions',
      `${blocks} blocks of 2 MiB make more than ${sampledRegionsMax} regions: name fewer nodes with --nodes`,
    );
  const share = Math.ceil(blocks * samplingShare);
  const watched = mode === 'full' ? blocks : share;
  if (watched > watchedBlocksMax)
    return failure(
      'too-many-regions',
      `${watched} blocks of 2 MiB to look at in one epoch, ${watchedBlocksMax} allowed: use --mode sampled with a smaller share`,
    );
  return success({
    extraMax,
    splitsMax: Math.min(blocks, byFolio ? watchedBlocksMax : SPLITS_MAX),
    splitAlways: byFolio,
    chosen: mode === 'sampled' ? share : byFolio ? blocks : Math.ceil(blocks / ROTATION_EPOCHS),
    // Besides the chosen, as many that the last looks found mixed.
    watchedMax: mode === 'sampled' && !byFolio ? Math.min(blocks, 2 * share) : watched,
  });
}
