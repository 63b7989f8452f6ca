import { SPACE } from '../executor/plan.ts';
import type { Sample } from './telemetry/source.ts';

const REGIONS_PER_BLOCK = 64;

/**
 * Fills the `block` column: which neighbourhood of its owner's address space a region lies in, as a
 * number that tells neighbours apart from strangers and gives no address away (policy.wit, column 11).
 */
export function numberBlocks(sample: Sample, rowRegion: Uint32Array, block: Uint32Array): void {
  const { owner, pageNumber, pages } = sample.rows;
  let ordinal = 0;
  let neighbourhood = 0;
  for (let row = 0; row < owner.length; row++) {
    if (sample.space !== SPACE.virtual) {
      block[rowRegion[row]] = 0;
      continue;
    }
    const current = Math.floor(pageNumber[row] / (REGIONS_PER_BLOCK * typicalPages(pages[row])));
    if (row === 0 || owner[row] !== owner[row - 1]) ordinal = 1;
    else if (current !== neighbourhood) ordinal += current === neighbourhood + 1 ? 1 : 2;
    neighbourhood = current;
    block[rowRegion[row]] = ordinal;
  }
}

/** Huge and base pages live on different scales; each is numbered on its own. */
function typicalPages(pages: number): number {
  return pages >= 512 ? 512 : 1;
}
