import { FRAME, type FrameFacts } from '../kernel.ts';
import type { FrameCharges } from './frame-charges.ts';
import { type Folio, FRAME_HIGH, FRAME_LOW, type FrameFlags } from './frame-flags.ts';
import { isMovable } from './page-facts.ts';

/** Neighbouring frames that one read of kpageflags may cover. */
const aheadMax = 64;

/** What frames (ascending) are. Nothing is kept between calls. */
export function readFrameFacts(
  flags: FrameFlags,
  charges: FrameCharges | undefined,
  frame: Float64Array,
): FrameFacts {
  const facts = {
    state: new Uint8Array(frame.length),
    folioStart: Float64Array.from(frame),
    folioPages: new Uint32Array(frame.length).fill(1),
    charged: new Float64Array(frame.length),
  };
  flags.forget();
  let ahead = 0;
  for (let at = 0; at < frame.length; at++) {
    if (ahead <= 0) while (ahead < aheadMax && frame[at + ahead] === frame[at] + ahead) ahead++;
    const folio = flags.folioOf(frame[at], ahead--);
    facts.state[at] = stateOf(folio);
    facts.folioStart[at] = folio.head;
    facts.folioPages[at] = folio.pages;
  }
  // A folio is charged as a whole, and only the entry of its head says to whom.
  charges?.read(facts.folioStart, facts.charged);
  return facts;
}

/** The most telling reason first: what stands on a poisoned page no longer matters. */
function stateOf(folio: Folio): number {
  const { low, high } = folio;
  if (low & FRAME_LOW.hwpoison) return FRAME.poisoned;
  if (low & (FRAME_LOW.nopage | FRAME_LOW.offline)) return FRAME.offline;
  if (low & FRAME_LOW.buddy) return FRAME.free;
  if (low & (FRAME_LOW.slab | FRAME_LOW.pgtable) || high & FRAME_HIGH.reserved) return FRAME.kernel;
  return isMovable(folio, (high & FRAME_HIGH.mlocked) !== 0) ? FRAME.usable : FRAME.unmovable;
}
