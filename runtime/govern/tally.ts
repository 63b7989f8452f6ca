import { PLACE_NONE, type Snapshot } from '../contract.ts';

export interface TallyInputs {
  readonly snapshot: Snapshot;
  /** By region: the place where it would be; `PLACE_NONE` = not yet in any. Brought up to date. */
  readonly held: Uint8Array<ArrayBuffer>;
  /** By region: the place where it is unless somebody else moved it. Brought up to date. */
  readonly expected: Uint8Array<ArrayBuffer>;
  /** By place; 0 for `PLACE_NONE`. */
  readonly latencyNs: Float64Array;
  /** Room for a number per region; what is in it means nothing. */
  readonly scratch: Uint32Array;
}

/** What the regions of an epoch come to. Those in no place are left out: nobody's doing, here or there. */
export interface Tally {
  readonly accesses: number;
  /** Time of all accesses with every region where it is. */
  readonly actualNs: number;
  /** With every region where it would be, without the newborns. */
  readonly heldNs: number;
  /** By place: pages that are there less pages that would be there. */
  readonly spare: Float64Array;
  /** Regions that are somewhere, and nowhere yet where nothing was moved. */
  readonly newborns: readonly number[];
}

/**
 * Several simple passes, since V8 runs each at under a nanosecond a region and one that does everything at
 * five; the one over what differs skips four regions at a time where nothing does.
 */
export function tally(inputs: TallyInputs): Tally {
  const place = inputs.snapshot.columns.place as Uint8Array<ArrayBuffer>;
  const counts = inputs.snapshot.columns.accesses as Uint32Array;
  // One call for both: a call that sees two functions is never inlined, and inlined their loops are ten times slower.
  const [accesses, actualNs] = [count, weigh].map((pass) => pass(counts, place, inputs.latencyNs));
  const { differenceNs, spare, newborns } = compare(findDiffering(place, inputs), place, inputs);
  return { accesses, actualNs, heldNs: actualNs + differenceNs, spare, newborns };
}

/** Accesses of regions that are in a place. Sums begin as floats (-0), lest V8 box them at every step. */
function count(accesses: Uint32Array, place: Uint8Array): number {
  let sum = -0;
  for (let region = 0; region < place.length; region++)
    if (place[region] !== PLACE_NONE) sum += accesses[region];
  return sum + 0;
}

/** Their time, ns. */
function weigh(accesses: Uint32Array, place: Uint8Array, latencyNs: Float64Array): number {
  let sum = -0;
  for (let region = 0; region < place.length; region++) sum += accesses[region] * latencyNs[place[region]];
  return sum + 0;
}

/** Regions that would be elsewhere, or that somebody else moved. */
function findDiffering(place: Uint8Array<ArrayBuffer>, inputs: TallyInputs): Uint32Array {
  const { held, expected, scratch: differing } = inputs;
  const quads = place.length >> 2;
  const is = new Int32Array(place.buffer, place.byteOffset, quads);
  const would = new Int32Array(held.buffer, 0, quads);
  const should = new Int32Array(expected.buffer, 0, quads);
  let count = 0;
  for (let region = 0; region < place.length; region++) {
    const quad = region >> 2;
    if ((region & 3) === 0 && quad < quads && is[quad] === would[quad] && is[quad] === should[quad])
      region += 3;
    else if (place[region] !== held[region] || place[region] !== expected[region])
      differing[count++] = region;
  }
  return differing.subarray(0, count);
}

/** What that makes of pages and time; brings `held` and `expected` up to date. */
function compare(differing: Uint32Array, place: Uint8Array, inputs: TallyInputs) {
  const { held, expected, latencyNs } = inputs;
  const accesses = inputs.snapshot.columns.accesses as Uint32Array;
  const pages = inputs.snapshot.columns.pages as Uint32Array;
  const spare = new Float64Array(PLACE_NONE + 1);
  const newborns: number[] = [];
  let differenceNs = -0;
  for (let i = 0; i < differing.length; i++) {
    const region = differing[i];
    const at = place[region];
    if (at === PLACE_NONE) continue;
    if (at !== expected[region] && held[region] !== PLACE_NONE) held[region] = at;
    expected[region] = at;
    const there = held[region];
    if (at === there) continue;
    spare[at] += pages[region];
    spare[there] -= pages[region];
    differenceNs += accesses[region] * (latencyNs[there] - latencyNs[at]);
    if (there === PLACE_NONE) newborns.push(region);
  }
  return { differenceNs, spare, newborns };
}
