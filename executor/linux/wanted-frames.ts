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

/** Half a MiB, for all frames below 2^32; used again and again. */
export function createTop(): Uint32Array {
  return new Uint32Array(2 ** 32 / chunkFrames);
}

/** All frames of folios given by head (ascending, below 2^32) and size; size 0 = not wanted. Overwrites `top`. */
export function createWantedFrames(head: Float64Array, pages: Uint32Array, top = createTop()): WantedFrames {
  top.fill(0);
  let chunks = 1;
  for (let row = 0; row < head.length; row++)
    for (let at = head[row]; at < head[row] + pages[row]; at += chunkFrames - (at % chunkFrames))
      if (top[at >>> 15] === 0) top[at >>> 15] = chunks++;
  const words = new Int32Array(chunks * chunkWords);
  for (let row = 0; row < head.length; row++) setFrames(top, words, head[row], pages[row]);
  return { top, words };
}

/** Folios are powers of two and aligned to their size: below 32 they lie in one word, above they fill words. */
function setFrames(top: Uint32Array, words: Int32Array, head: number, pages: number): void {
  if (pages < 32) for (let at = head; at < head + pages; at++) words[wordOf(top, at)] |= 1 << at;
  else for (let at = head; at < head + pages; at += 32) words[wordOf(top, at)] = -1;
}

/** Whether any frame of the aligned block of 512 around this one is wanted. */
export function wantsBlock({ top, words }: WantedFrames, frame: number): boolean {
  const from = wordOf(top, frame) & ~(blockFrames / 32 - 1);
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
 * Whether the 512 entries from `from` on name frames of one aligned block of 512 only, as those of a huge page
 * do. If nothing of that block is wanted, none of them can match, present or not: one look for all. The last is
 * looked at first, so that base pages cost nothing.
 */
export function staysInBlock(lanes: Int32Array, from: number): boolean {
  const first = lanes[2 * from];
  const end = 2 * (from + blockFrames);
  if ((lanes[end - 2] ^ first) >>> 9 !== 0) return false;
  let differs = 0;
  for (let at = 2 * from; at < end; at += 2) differs |= lanes[at] ^ first;
  return differs >>> 9 === 0;
}

/** Whether the 512 entries from `from` on are present and the 512 frames of an aligned block in their order. */
export function isHugePage(lanes: Int32Array, from: number): boolean {
  const first = lanes[2 * from];
  const high = lanes[2 * from + 1];
  if (high >= 0 || (first & (blockFrames - 1)) !== 0) return false;
  let differs = 0;
  for (let at = 0; at < blockFrames; at++)
    differs |= (lanes[2 * (from + at)] ^ (first + at)) | (lanes[2 * (from + at) + 1] ^ high);
  return differs === 0;
}

function wordOf(top: Uint32Array, frame: number): number {
  return (top[frame >>> 15] << 10) | ((frame >>> 5) & (chunkWords - 1));
}
