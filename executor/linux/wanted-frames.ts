const chunkFrames = 32_768;
const chunkWords = chunkFrames / 32;
const blockFrames = 512;

/**
 * A set of frames as a bitmap in two levels. `top` maps each 128 MiB to a chunk of `words`; chunk 0 stays
 * empty, so that a test needs no branch for memory of which nothing is wanted. At most 32 MiB of words per
 * TiB, and none where nothing is wanted.
 */
export interface WantedFrames {
  readonly top: Uint32Array;
  readonly words: Int32Array;
}

/** All frames of folios given by head (ascending, below 2^32) and size; size 0 = not wanted. */
export function createWantedFrames(head: Float64Array, pages: Uint32Array): WantedFrames {
  const top = new Uint32Array(2 ** 32 / chunkFrames);
  let chunks = 1;
  for (let row = 0; row < head.length; row++)
    for (let at = head[row]; at < head[row] + pages[row]; at += chunkFrames - (at % chunkFrames))
      if (top[at >>> 15] === 0) top[at >>> 15] = chunks++;
  const words = new Int32Array(chunks * chunkWords);
  for (let row = 0; row < head.length; row++)
    for (let at = head[row]; at < head[row] + pages[row]; at++) words[wordOf(top, at)] |= 1 << at;
  return { top, words };
}

/** Whether any of the 512 frames from `first` (a multiple of 512) on is wanted. */
export function wantsBlock({ top, words }: WantedFrames, first: number): boolean {
  const from = wordOf(top, first);
  let any = 0;
  for (let word = from; word < from + blockFrames / 32; word++) any |= words[word];
  return any !== 0;
}

/**
 * Appends to `found` the indices of those present pagemap entries of `from` to `until` whose frame is wanted, and
 * returns their new count. ORs what present entries hold into `seen` (low, high lane), for the caller to
 * tell hidden frame numbers and frames beyond 32 bits without a test per entry.
 */
export function matchEntries(
  { top, words }: WantedFrames,
  lanes: Int32Array,
  from: number,
  until: number,
  found: Uint32Array,
  count: number,
  seen: Int32Array,
): number {
  let seenLow = 0;
  let seenHigh = 0;
  for (let at = from; at < until; at++) {
    const high = lanes[2 * at + 1];
    // Bit 63, present, is the sign.
    if (high >= 0) continue;
    const low = lanes[2 * at];
    seenLow |= low;
    seenHigh |= high;
    if ((words[(top[low >>> 15] << 10) | ((low >>> 5) & 1_023)] >>> low) & 1) found[count++] = at;
  }
  seen[0] |= seenLow;
  seen[1] |= seenHigh;
  return count;
}

/**
 * Whether the 512 entries from `from` on are the 512 frames of one aligned block in their order, as a huge
 * page shows. Looks at the ends first, so that base pages cost nothing.
 */
export function isBlock(lanes: Int32Array, from: number): boolean {
  const first = lanes[2 * from];
  const high = lanes[2 * from + 1];
  const last = 2 * (from + blockFrames - 1);
  if (high >= 0 || (first & (blockFrames - 1)) !== 0 || lanes[last] !== first + blockFrames - 1) return false;
  let differs = 0;
  for (let at = 0; at < blockFrames; at++)
    differs |= (lanes[2 * (from + at)] ^ (first + at)) | (lanes[2 * (from + at) + 1] ^ high);
  return differs === 0;
}

function wordOf(top: Uint32Array, frame: number): number {
  return (top[frame >>> 15] << 10) | ((frame >>> 5) & (chunkWords - 1));
}
