import type { FrameFlags } from './frame-flags.ts';

/** Neighbouring frames that one read of kpageflags may cover. */
const aheadMax = 64;

/** Base pages of the folio that each frame heads; 0 for a frame that is no head (any more). Frames ascend. */
export function readFolioSizes(flags: FrameFlags, frame: Float64Array): Uint32Array {
  flags.forget();
  const pages = new Uint32Array(frame.length);
  let ahead = 0;
  for (let row = 0; row < frame.length; row++) {
    if (ahead <= 0) while (ahead < aheadMax && frame[row + ahead] === frame[row] + ahead) ahead++;
    const folio = flags.folioOf(frame[row], ahead--);
    pages[row] = folio.head === frame[row] ? folio.pages : 0;
  }
  return pages;
}
