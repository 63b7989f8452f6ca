/**
 * Sorts row numbers stably by `key[row]`, ascending: a radix sort by bytes that skips those in which all
 * keys agree. (A comparison sort of a million rows would cost more than moving decisions are worth.)
 */
export function sortByKey(rows: Uint32Array, key: Uint32Array): Uint32Array {
  if (isSorted(rows, key)) return rows;
  const counts = new Uint32Array(4 * 256);
  for (let i = 0; i < rows.length; i++) {
    const value = key[rows[i]];
    counts[value & 255]++;
    counts[256 + ((value >>> 8) & 255)]++;
    counts[512 + ((value >>> 16) & 255)]++;
    counts[768 + (value >>> 24)]++;
  }
  let from: Uint32Array = rows;
  let to: Uint32Array = new Uint32Array(rows.length);
  let spare: Uint32Array = new Uint32Array(rows.length);
  for (let byte = 0; byte < 4; byte++) {
    const shift = byte * 8;
    const places = counts.subarray(byte * 256, byte * 256 + 256);
    if (places[(key[rows[0]] >>> shift) & 255] === rows.length) continue;
    let next = 0;
    for (let digit = 0; digit < 256; digit++) {
      const count = places[digit];
      places[digit] = next;
      next += count;
    }
    for (let i = 0; i < from.length; i++) {
      const row = from[i];
      to[places[(key[row] >>> shift) & 255]++] = row;
    }
    from = to;
    to = spare;
    spare = from;
  }
  return from;
}

/** Sorts row numbers by group first, then by page number (a whole number below 2^52), stably. */
export function sortByGroupAndPage(rows: Uint32Array, group: Uint32Array, page: Float64Array): Uint32Array {
  const low = new Uint32Array(page.length);
  const high = new Uint32Array(page.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    high[row] = page[row] / 4_294_967_296;
    low[row] = page[row] - high[row] * 4_294_967_296;
  }
  return sortByKey(sortByKey(sortByKey(rows, low), high), group);
}

function isSorted(rows: Uint32Array, key: Uint32Array): boolean {
  for (let i = 1; i < rows.length; i++) if (key[rows[i - 1]] > key[rows[i]]) return false;
  return true;
}
