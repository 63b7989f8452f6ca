/**
 * Keeps hot regions in fast memory, as far as moving them pays.
 *
 * A region's heat is a decayed mean of its accesses: samples per base page and epoch, so that regions of
 * any size compare. Staying in tier t rather than s is worth
 *
 *     heat × samplingPeriod × (latency of s - latency of t) × horizon    ns per page,
 *
 * and a move costs what the executor measured. Whatever room there is, a region goes up only if that
 * exceeds the cost of the move and of the way back; into a full tier only if what it gains beyond the
 * region that has to leave exceeds the cost of both moves; and down, coldest first, once its stay is worth
 * less than `keep` of the cost, or less than what the regions about to be born would make of the room.
 *
 * Heat lies in a histogram of 32 bins an octave, so one pass over the regions finds every threshold, and no
 * constant depends on the sampling rate.
 *
 * The settings that matter: `horizon` (how long heat is trusted to last; longer moves more) and `halfLife`
 * (how fast old accesses are forgotten; shorter follows sooner and is misled by noise sooner).
 *
 * At most 16 places of at most 15 tiers; regions in places beyond are left alone, as are those in swap.
 */
import { Chunk, Epoch, EventKind, fit, load128, MetricId, Place, PlaceKind } from './sdk';
import { PLACE_NONE, PlaceState, Plan, Snapshot, store128 } from './sdk';

export const version = '1.0.0';
export const description = 'Decayed heat, a histogram for thresholds, and moves that pay for themselves';
export const reasons = [
  'hotter than the move costs',
  'colder than its stay is worth',
  'makes room for hotter regions or newborns',
];

@setting('Epochs after which half of what was seen is forgotten', 0.1, 10000)
export let halfLife: f32 = 5;
@setting('Epochs for which a region is expected to stay as hot as it is', 0.1, 1000000)
export let horizon: f32 = 10;
@setting('Cost of moving a base page where none was measured, ns', 1, 1000000000)
export let moveCostNs: f32 = 3000;
@setting('Latency from one tier to the next where places do not tell it, ns', 1, 1000000)
export let latencyStepNs: f32 = 150;
@setting('Part of the cost of moving below which a stay is not worth it; 0 = down only to make room', 0, 1)
export let keep: f32 = 0.5;
@setting('Room kept free in each tier, percent of the pages there and those that fit', 0, 90)
export let reservePercent: f32 = 1;
@setting('Room kept free for regions about to be born, in epochs of such births', 0, 100)
export let birthEpochs: f32 = 1.5;
@setting('Epochs for which a region counts as just moved', 0, 127)
export let hold: u8 = 30;
@setting('Times hotter, or colder, a region just moved must be to be moved back', 1, 8)
export let guard: f32 = 1.4;
@setting('Epochs for which a region is left alone after its move was refused for reasons of its own', 0, 255)
export let pause: u8 = 30;
@setting('Epochs for which a region is watched before it is judged', 0, 255)
export let warmup: u8 = 4;

// ---- what is kept, one value per region --------------------------------------------------------------

let heat = new Float32Array(0);
/** Row and bin in the histogram: `row * BINS + bin`. */
let slot = new Uint16Array(0);
let size = new Uint32Array(0);
let placeOf = new Uint8Array(0);
/** Epochs for which the region still counts as just moved: positive upwards, negative downwards. */
let recent = new Int8Array(0);
/** Epochs for which the region is left alone. */
let parked = new Uint8Array(0);

// ---- the histogram: a row of bins per tier; row 0 takes what is not to be moved ----------------------

const BINS = 1024;
const PLACES_MAX = 16;
const ROWS = 16;
const NOWHERE = 0;
const TIERS_END = 256;
/** A bin is the float's exponent and five bits of mantissa: from 2^-20, in bin 0, to 2^12, in the last. */
const BIN_SHIFT = 18;
const BIN_BASE: i32 = (127 - 20) << 5;
/** Verdicts from here on lie in the region or its owner, not in room, budget or topology. */
const REFUSED_FOR_ITSELF: u8 = 19;
const OVER_BUDGET: u8 = 17;

/** Pages per slot, in four counters each, since neighbours in a vector often fall into one slot. */
const tally = new StaticArray<u32>(4 * ROWS * BINS);
/** Of a slot: its pages, those that are to leave, and for which row. */
const held = new StaticArray<i64>(ROWS * BINS);
const leaving = new StaticArray<i64>(ROWS * BINS);
const goal = new StaticArray<u8>(ROWS * BINS);

/** Row of each place, now and in the epoch before; sixteen, as a vector holds. */
const rows = new Uint8Array(PLACES_MAX);
const rowsBefore = new Uint8Array(PLACES_MAX);

class Row {
  tier: u8 = 0;
  latencyNs: f64 = 0;
  moveCostNs: f64 = 0;
  /** Pages that fit, from `reserve` on less the reserve; negative = the reserve is touched. */
  room: i64 = 0;
  budget: i64 = 0;
  /** Bins below leave downwards, from `high` on upwards; between them nothing moves. */
  low: i32 = 0;
  high: i32 = BINS;
  /** Bins below leave because they are cold, not to make room. */
  sunk: i32 = 0;
  /** Pages still to be found below `low`, and from `high` on. */
  sinking: i64 = 0;
  rising: i64 = 0;
}
const rowOf: Row[] = [new Row()];
/** Rows in use, `NOWHERE` included. */
let rowCount: i32 = 1;
/** Places looked at. */
let placeCount: i32 = 0;
const roomLeft = new StaticArray<i64>(PLACES_MAX);
const budgetLeft = new StaticArray<i64>(PLACES_MAX);
/** Whether wishes within every place's budget were over budget: then all places share one. */
let budgetShared: bool = false;
/** Samples per page and epoch times this is ns per page and ns of latency. */
let worth: f64 = 0;
/** Rows that still have pages to be found, each way. */
let searches: i32 = 0;
let candidates = new Uint32Array(0);

// ---- begin: places and events ------------------------------------------------------------------------

export function begin(epoch: Epoch): void {
  const known = heat.length;
  if (epoch.regions > known) {
    resize(epoch.regions);
    for (let i = known; i < epoch.regions; i++) arrive(i);
  }
  follow(epoch);
  if (epoch.regions < known) resize(epoch.regions);
  rank(epoch);
  tally.fill(0, 0, 4 * rowCount * BINS);
}

function resize(regions: i32): void {
  heat = fit<Float32Array>(heat, regions);
  slot = fit<Uint16Array>(slot, regions);
  size = fit<Uint32Array>(size, regions);
  placeOf = fit<Uint8Array>(placeOf, regions);
  recent = fit<Int8Array>(recent, regions);
  parked = fit<Uint8Array>(parked, regions);
}

function arrive(region: i32): void {
  heat[region] = 0;
  recent[region] = 0;
  placeOf[region] = PLACE_NONE;
  parked[region] = warmup;
}

function inherit(region: i32, other: i32): void {
  heat[region] = heat[other];
  recent[region] = recent[other];
  placeOf[region] = placeOf[other];
  parked[region] = parked[other];
}

/** The mean heat of two regions that became one. */
function merge(region: i32, other: i32): void {
  const total = size[region] + size[other];
  if (total) heat[region] = (heat[region] * <f32>size[region] + heat[other] * <f32>size[other]) / <f32>total;
  size[region] = total;
  arrive(other);
}

function follow(epoch: Epoch): void {
  const events = epoch.events;
  const known = <u32>heat.length;
  for (let i = 0; i < events.length; i++) {
    const kind = events.kinds[i];
    const region = events.regions[i];
    const other = events.others[i];
    if (kind == EventKind.Forget) {
      for (let r = 0; r < <i32>known; r++) arrive(r);
    } else if (region >= known) continue;
    else if (kind == EventKind.Died || kind == EventKind.Born) arrive(region);
    else if (other >= known) continue;
    else if (kind == EventKind.Split) inherit(other, region);
    else if (kind == EventKind.Merged) merge(region, other);
    else if (kind == EventKind.Scattered) heat[region] = max(heat[region], heat[other]);
  }
}

/** Gives each tier a row, fastest first, with what its places offer together. */
function rank(epoch: Epoch): void {
  rowsBefore.set(rows);
  rows.fill(NOWHERE);
  rowCount = 1;
  const places = epoch.places;
  const count = min(places.length, PLACES_MAX);
  placeCount = count;
  let next = nextTier(places, count, -1);
  for (; next < TIERS_END && rowCount < ROWS; next = nextTier(places, count, next)) {
    if (rowOf.length == rowCount) rowOf.push(new Row());
    const row = rowOf[rowCount];
    row.tier = <u8>next;
    row.room = 0;
    row.budget = 0;
    row.low = 0;
    row.high = BINS;
    row.sunk = 0;
    row.sinking = 0;
    row.rising = 0;
    let latency: f64 = 0;
    let latencies: f64 = 0;
    let cost: f64 = 0;
    let costs: f64 = 0;
    for (let p = 0; p < count; p++) {
      const place = places[p];
      if (!serves(place) || place.tier != row.tier) continue;
      rows[p] = <u8>rowCount;
      roomLeft[p] = place.room;
      budgetLeft[p] = place.budget;
      row.room += place.room;
      row.budget += place.budget;
      if (place.latencyNs) {
        latency += place.latencyNs;
        latencies += 1;
      }
      const measured = epoch.metric(MetricId.MoveCostNs, p, 0);
      if (measured > 0) {
        cost += measured;
        costs += 1;
      }
    }
    row.latencyNs = latencies > 0 ? latency / latencies : 0;
    row.moveCostNs = costs > 0 ? cost / costs : moveCostNs;
    rowCount++;
  }
  worth = <f64>epoch.samplingPeriod * <f64>horizon;
}

function serves(place: Place): bool {
  return place.state == PlaceState.Usable && place.kind != PlaceKind.Swap;
}

/** The lowest tier above `tier` among places that serve, or `TIERS_END`. */
function nextTier(places: Place[], count: i32, tier: i32): i32 {
  let next = TIERS_END;
  for (let p = 0; p < count; p++) {
    const place = places[p];
    if (serves(place) && <i32>place.tier > tier) next = min(next, <i32>place.tier);
  }
  return next;
}

// ---- observe: heat and histogram ---------------------------------------------------------------------

/** Weight of what was known, and of what is new. */
let decay: f32 = 0;
let gain: f32 = 0;
/** `guard` in bins. */
let guardBins: i8 = 0;

export function observe(chunk: Chunk): void {
  decay = Mathf.pow(0.5, 1 / halfLife);
  gain = 1 - decay;
  guardBins = <i8>((reinterpret<i32>(guard) >> BIN_SHIFT) - (127 << 5));
  const whole = ASC_FEATURE_SIMD ? chunk.count & ~15 : 0;
  if (ASC_FEATURE_SIMD) for (let i = 0; i < whole; i += 16) sixteen(chunk, i);
  for (let i = whole; i < chunk.count; i++) one(chunk, i);
  size.set(chunk.pages, chunk.first);
}

/** One region; `sixteen` does exactly the same to sixteen. */
function one(chunk: Chunk, at: i32): void {
  const region = chunk.first + at;
  const place: i32 = unchecked(chunk.place[at]);
  const row: i32 = place < PLACES_MAX ? unchecked(rows[place]) : NOWHERE;
  const before: i32 = unchecked(placeOf[region]);
  const rowBefore: i32 = before < PLACES_MAX ? unchecked(rowsBefore[before]) : NOWHERE;
  unchecked((placeOf[region] = <u8>place));

  let moved = unchecked(recent[region]);
  moved -= <i8>(moved > 0) - <i8>(moved < 0);
  const known = row != NOWHERE && rowBefore != NOWHERE;
  if (known && row < rowBefore) moved = <i8>hold;
  if (known && row > rowBefore) moved = -(<i8>hold);
  unchecked((recent[region] = moved));

  let rest = unchecked(parked[region]);
  rest -= <u8>(rest > 0);
  const verdict = unchecked(chunk.verdict[at]);
  if (verdict >= REFUSED_FOR_ITSELF) rest = pause;
  if (verdict == OVER_BUDGET) budgetShared = true;
  unchecked((parked[region] = rest));

  const pages = unchecked(chunk.pages[at]);
  const seen = <f32>(<i32>unchecked(chunk.accesses[at])) / <f32>max<i32>(<i32>pages, 1);
  const warm = unchecked(heat[region]) * decay + seen * gain;
  unchecked((heat[region] = warm));

  const bias = moved > 0 ? <i32>guardBins : moved < 0 ? -(<i32>guardBins) : 0;
  const bin = min(max((reinterpret<i32>(warm) >> BIN_SHIFT) - BIN_BASE + bias, 0), BINS - 1);
  const at4 = ((rest == 0 && pages != 0 ? row : NOWHERE) << 10) | bin;
  unchecked((slot[region] = <u16>at4));
  unchecked((tally[at4 << 2] += pages));
}

function sixteen(chunk: Chunk, at: i32): void {
  const region = chunk.first + at;
  const zero = i8x16.splat(0);
  const place = load128<Uint8Array>(chunk.place, at);
  const row = i8x16.swizzle(load128<Uint8Array>(rows, 0), place);
  const rowBefore = i8x16.swizzle(load128<Uint8Array>(rowsBefore, 0), load128<Uint8Array>(placeOf, region));
  store128<Uint8Array>(placeOf, region, place);

  const known = v128.and(i8x16.ne(row, zero), i8x16.ne(rowBefore, zero));
  let moved = load128<Int8Array>(recent, region);
  moved = i8x16.sub(i8x16.add(moved, i8x16.gt_s(moved, zero)), i8x16.lt_s(moved, zero));
  moved = v128.bitselect(i8x16.splat(<i8>hold), moved, v128.and(known, i8x16.lt_u(row, rowBefore)));
  moved = v128.bitselect(i8x16.splat(-(<i8>hold)), moved, v128.and(known, i8x16.gt_u(row, rowBefore)));
  store128<Int8Array>(recent, region, moved);

  const verdict = load128<Uint8Array>(chunk.verdict, at);
  if (v128.any_true(i8x16.eq(verdict, i8x16.splat(OVER_BUDGET)))) budgetShared = true;
  const refused = i8x16.ge_u(verdict, i8x16.splat(REFUSED_FOR_ITSELF));
  const rested = i8x16.sub_sat_u(load128<Uint8Array>(parked, region), i8x16.splat(1));
  const rest = v128.bitselect(i8x16.splat(pause), rested, refused);
  store128<Uint8Array>(parked, region, rest);

  const judged = v128.and(row, i8x16.eq(rest, zero));
  const bias = v128.or(
    v128.and(i8x16.gt_s(moved, zero), i8x16.splat(guardBins)),
    v128.and(i8x16.lt_s(moved, zero), i8x16.splat(-guardBins)),
  );
  const rowsLow = i16x8.extend_low_i8x16_u(judged);
  const rowsHigh = i16x8.extend_high_i8x16_u(judged);
  const biasLow = i16x8.extend_low_i8x16_s(bias);
  const biasHigh = i16x8.extend_high_i8x16_s(bias);
  const a = four(chunk, at, i32x4.extend_low_i16x8_u(rowsLow), i32x4.extend_low_i16x8_s(biasLow));
  const b = four(chunk, at + 4, i32x4.extend_high_i16x8_u(rowsLow), i32x4.extend_high_i16x8_s(biasLow));
  store128<Uint16Array>(slot, region, i16x8.narrow_i32x4_u(a, b));
  const c = four(chunk, at + 8, i32x4.extend_low_i16x8_u(rowsHigh), i32x4.extend_low_i16x8_s(biasHigh));
  const d = four(chunk, at + 12, i32x4.extend_high_i16x8_u(rowsHigh), i32x4.extend_high_i16x8_s(biasHigh));
  store128<Uint16Array>(slot, region + 8, i16x8.narrow_i32x4_u(c, d));
}

/** Adds the pages of four regions to the tally, one to each counter of its slot. */
// @ts-ignore: decorator
@inline
function count(at4: v128, pages: v128): void {
  const at = v128.or(i32x4.shl(at4, 2), i32x4(0, 1, 2, 3));
  const nearPages = i64x2.extract_lane(pages, 0);
  const farPages = i64x2.extract_lane(pages, 1);
  unchecked((tally[i32x4.extract_lane(at, 0)] += <u32>nearPages));
  unchecked((tally[i32x4.extract_lane(at, 1)] += <u32>(nearPages >> 32)));
  unchecked((tally[i32x4.extract_lane(at, 2)] += <u32>farPages));
  unchecked((tally[i32x4.extract_lane(at, 3)] += <u32>(farPages >> 32)));
}

/** Heat and slot of four regions, given their rows and biases. */
// @ts-ignore: decorator
@inline
function four(chunk: Chunk, at: i32, row: v128, bias: v128): v128 {
  const region = chunk.first + at;
  const pages = load128<Uint32Array>(chunk.pages, at);
  const seen = f32x4.div(
    f32x4.convert_i32x4_s(load128<Uint32Array>(chunk.accesses, at)),
    f32x4.convert_i32x4_s(i32x4.max_s(pages, i32x4.splat(1))),
  );
  const warm = f32x4.add(
    f32x4.mul(load128<Float32Array>(heat, region), f32x4.splat(decay)),
    f32x4.mul(seen, f32x4.splat(gain)),
  );
  store128<Float32Array>(heat, region, warm);
  const raw = i32x4.add(i32x4.sub(i32x4.shr_s(warm, BIN_SHIFT), i32x4.splat(BIN_BASE)), bias);
  const bin = i32x4.min_s(i32x4.max_s(raw, i32x4.splat(0)), i32x4.splat(BINS - 1));
  const judged = v128.and(i32x4.shl(row, 10), i32x4.ne(pages, i32x4.splat(0)));
  const at4 = v128.or(judged, bin);
  count(at4, pages);
  return at4;
}

// ---- evaluate: thresholds ----------------------------------------------------------------------------

export function evaluate(snapshot: Snapshot, plan: Plan): void {
  if (rowCount < 3) return;
  for (let at = BINS; at < rowCount * BINS; at++) {
    const first = at << 2;
    held[at] = <i64>tally[first] + tally[first + 1] + tally[first + 2] + tally[first + 3];
    leaving[at] = 0;
    goal[at] = <u8>NOWHERE;
  }
  learnBirths(snapshot);
  for (let row = 1; row < rowCount; row++) reserve(row);
  if (budgetShared) shareBudget();
  for (let row = rowCount - 2; row > NOWHERE; row--) sink(row);
  for (let row = 1; row < rowCount - 1; row++) raise(row);
  const found = search(snapshot.regions);
  for (let i = 0; i < found; i++) send(plan, candidates[i], false);
  for (let i = 0; i < found; i++) send(plan, candidates[i], true);
}

/** Pages born per epoch, and their heat, as means of the recent past. */
let birthPages: f64 = 0;
let birthHeat: f64 = 0;

function learnBirths(snapshot: Snapshot): void {
  const events = snapshot.events;
  let pages: f64 = 0;
  let warmth: f64 = 0;
  for (let i = 0; i < events.length; i++) {
    const region = events.regions[i];
    if (events.kinds[i] != EventKind.Born || region >= <u32>heat.length) continue;
    pages += size[region];
    warmth += (<f64>size[region] * heat[region]) / gain;
  }
  birthPages += 0.5 * (pages - birthPages);
  if (pages > 0) birthHeat += 0.3 * (warmth / pages - birthHeat);
}

/** Sets room aside: a share of the tier, or what births will need in the fastest, but a third at most. */
function reserve(row: i32): void {
  let capacity = rowOf[row].room;
  for (let bin = 0; bin < BINS; bin++) capacity += held[row * BINS + bin];
  const share = <f64>capacity * <f64>reservePercent * 0.01;
  const births = row == 1 ? min(birthPages * <f64>birthEpochs, <f64>capacity / 3) : 0;
  rowOf[row].room -= <i64>max(share, births);
}

/** An equal part for each tier, so that moves down never starve moves up. */
function shareBudget(): void {
  const sharers = rowCount - 1;
  for (let row = 1; row < rowCount; row++) rowOf[row].budget /= sharers;
  for (let place = 0; place < PLACES_MAX; place++) budgetLeft[place] /= sharers;
}

/** Least heat of a bin. */
function heatOf(bin: i32): f64 {
  return bin == 0 ? 0 : reinterpret<f32>((bin + BIN_BASE) << BIN_SHIFT);
}

/** Latency saved by living in the faster row; 0 where places tell that it is not faster. */
function gapOf(faster: i32, slower: i32): f64 {
  const near = rowOf[faster].latencyNs;
  const far = rowOf[slower].latencyNs;
  return near > 0 && far > 0 ? max(far - near, 0) : <f64>latencyStepNs * <f64>(slower - faster);
}

/** The next slower row that takes pages, or `NOWHERE`. */
function below(row: i32): i32 {
  for (let slower = row + 1; slower < rowCount; slower++) {
    if (rowOf[slower].room > 0 && rowOf[slower].budget > 0) return slower;
  }
  return NOWHERE;
}

/** Cost of a move between two rows and of the way back. */
function costOf(row: i32, other: i32): f64 {
  return rowOf[row].moveCostNs + rowOf[other].moveCostNs;
}

/** Lets up to `most` pages of the slot go to another row; answers how many. */
function release(row: i32, bin: i32, target: i32, most: i64): i64 {
  const at = row * BINS + bin;
  const to = rowOf[target];
  if (goal[at] != <u8>NOWHERE && goal[at] != <u8>target) return 0;
  const pages = min(min(most, held[at] - leaving[at]), min(to.room, to.budget));
  if (pages <= 0) return 0;
  goal[at] = <u8>target;
  leaving[at] += pages;
  to.room -= pages;
  to.budget -= pages;
  if (target > row) {
    rowOf[row].room += pages;
    rowOf[row].low = max(rowOf[row].low, bin + 1);
    rowOf[row].sinking += pages;
  } else {
    rowOf[row].high = min(rowOf[row].high, bin);
    rowOf[row].rising += pages;
  }
  return pages;
}

/** Moves down, coldest first, what is not worth its place, and what keeps newborns worth more out. */
function sink(row: i32): void {
  for (let bin = 0; bin < BINS; bin++) {
    const at = row * BINS + bin;
    while (held[at] > leaving[at]) {
      const target = below(row);
      if (target == NOWHERE) return;
      const perHeat = worth * gapOf(row, target);
      const stay = heatOf(bin + 1) * perHeat;
      let most = held[at];
      if (stay < <f64>keep * costOf(row, target)) rowOf[row].sunk = bin + 1;
      else {
        if (row != 1 || birthHeat * perHeat - stay <= rowOf[target].moveCostNs) return;
        most = -rowOf[row].room;
      }
      if (release(row, bin, target, most) == 0) break;
    }
  }
}

/** Lowest bin of the row that still has pages to give away downwards. */
function coldest(row: i32): i32 {
  for (let bin = max(rowOf[row].low - 1, 0); bin < rowOf[row].high; bin++) {
    const at = row * BINS + bin;
    if (held[at] > leaving[at]) return bin;
  }
  return BINS;
}

/** Fills the row with what gains most by living there, making room where that pays. */
function raise(row: i32): void {
  const cursors = new StaticArray<i32>(ROWS);
  rowOf[row].room = max(rowOf[row].room, 0);
  for (let slower = row + 1; slower < rowCount; slower++) cursors[slower] = rowOf[slower].high - 1;
  while (rowOf[row].budget > 0) {
    const source = gainsMost(row, cursors);
    if (source == NOWHERE) return;
    const bin = cursors[source];
    const at = source * BINS + bin;
    if (rowOf[row].room > 0) {
      if (release(source, bin, row, held[at]) == 0) cursors[source]--;
      continue;
    }
    const victim = coldest(row);
    const target = below(row);
    if (victim == BINS || target == NOWHERE) return;
    const gained = heatOf(bin) * gapOf(row, source) - heatOf(victim + 1) * gapOf(row, target);
    if (gained * worth <= costOf(row, target)) return;
    if (release(row, victim, target, min(held[at] - leaving[at], rowOf[row].budget)) == 0) return;
  }
}

/** The slower row whose hottest pages left gain most beyond their cost by moving here, or `NOWHERE`. */
function gainsMost(row: i32, cursors: StaticArray<i32>): i32 {
  let best = NOWHERE;
  let bestGain: f64 = 0;
  for (let slower = row + 1; slower < rowCount; slower++) {
    let bin = cursors[slower];
    while (bin >= rowOf[slower].low && held[slower * BINS + bin] <= leaving[slower * BINS + bin]) bin--;
    cursors[slower] = bin;
    if (bin < rowOf[slower].low) continue;
    const gained = heatOf(bin) * worth * gapOf(row, slower) - costOf(row, slower);
    if (gained > bestGain) {
      best = slower;
      bestGain = gained;
    }
  }
  return best;
}

// ---- evaluate: the regions behind the thresholds -----------------------------------------------------

/** Collects regions until every slot that has pages to let go is served; answers how many. */
function search(regions: i32): i32 {
  let found = 0;
  searches = 0;
  for (let row = 1; row < rowCount; row++) {
    searches += <i32>(rowOf[row].sinking > 0) + <i32>(rowOf[row].rising > 0);
    markZone(row);
  }
  const whole = ASC_FEATURE_SIMD ? regions & ~15 : 0;
  if (ASC_FEATURE_SIMD) {
    for (let i = 0; i < whole && searches > 0; i += 16) {
      for (let bits = outside(i); bits; bits &= bits - 1) found = collect(i + ctz(bits), found);
    }
  }
  for (let i = whole; i < regions && searches > 0; i++) {
    const at: i32 = unchecked(slot[i]);
    const row = (at >> 10) << 4;
    const away = <u16>(at - unchecked(zones[row])) >= unchecked(zones[row + 8]);
    if (at >= BINS && away) found = collect(i, found);
  }
  return found;
}

/** Takes the region if its slot still has pages to let go. */
function collect(region: i32, found: i32): i32 {
  const at: i32 = unchecked(slot[region]);
  const left = unchecked(leaving[at]);
  if (left <= 0) return found;
  const pages = <i64>unchecked(size[region]);
  unchecked((leaving[at] = left - pages));
  settle(at >> 10, <i32>unchecked(goal[at]), min(left, pages));
  if (found == candidates.length) candidates = fit<Uint32Array>(candidates, found + 4096);
  unchecked((candidates[found] = region));
  return found + 1;
}

/** Counts pages found; when the last of a row's way is, what remains that way stays and is not looked at. */
function settle(row: i32, target: i32, pages: i64): void {
  const from = rowOf[row];
  if (target > row) from.sinking -= pages;
  else from.rising -= pages;
  if ((target > row ? from.sinking : from.rising) > 0) return;
  searches--;
  markZone(row);
}

/** What stays, of each row: the first slot and how many, eight times each for a vector. */
const zones = new Uint16Array(ROWS * 16);

function markZone(row: i32): void {
  const kept = rowOf[row];
  const low = kept.sinking > 0 ? kept.low : 0;
  const high = kept.rising > 0 ? kept.high : BINS;
  zones.fill(<u16>(row * BINS + low), row * 16, row * 16 + 8);
  zones.fill(<u16>(high - low), row * 16 + 8, row * 16 + 16);
}

/** One bit for each of sixteen regions outside what stays. */
// @ts-ignore: decorator
@inline
function outside(region: i32): i32 {
  const near = load128<Uint16Array>(slot, region);
  const far = load128<Uint16Array>(slot, region + 8);
  const first = i16x8.splat(<i16>BINS);
  let nearStays = i16x8.lt_u(near, first);
  let farStays = i16x8.lt_u(far, first);
  for (let row = 1; row < rowCount; row++) {
    const from = load128<Uint16Array>(zones, row * 16);
    const count = load128<Uint16Array>(zones, row * 16 + 8);
    nearStays = v128.or(nearStays, i16x8.lt_u(i16x8.sub(near, from), count));
    farStays = v128.or(farStays, i16x8.lt_u(i16x8.sub(far, from), count));
  }
  return i8x16.bitmask(i8x16.narrow_i16x8_s(nearStays, farStays)) ^ 65535;
}

/** Adds the region to the plan if it goes that way and a place takes it. */
function send(plan: Plan, region: i32, upwards: bool): void {
  const at: i32 = unchecked(slot[region]);
  const row = at >> 10;
  const target: i32 = goal[at];
  if (upwards != target < row) return;
  const pages = <i64>size[region];
  const place = roomiest(target, pages);
  if (place == PLACES_MAX) return;
  roomLeft[place] -= pages;
  budgetLeft[place] -= pages;
  const bin = at & (BINS - 1);
  if (upwards) return plan.move(region, place, bin, 0);
  roomLeft[placeOf[region]] += pages;
  plan.move(region, place, BINS - bin, bin < rowOf[row].sunk ? 1 : 2);
}

function roomiest(row: i32, pages: i64): i32 {
  let best = PLACES_MAX;
  for (let p = 0; p < placeCount; p++) {
    if (rows[p] != <u8>row || roomLeft[p] < pages || budgetLeft[p] < pages) continue;
    if (best == PLACES_MAX || roomLeft[p] > roomLeft[best]) best = p;
  }
  return best;
}

// ---- state -------------------------------------------------------------------------------------------

/** Regions, pages and heat of births, whether a budget is shared; then the rows of places. */
const HEAD_VALUES = 4;
const HEAD_BYTES = 8 * HEAD_VALUES + PLACES_MAX;
/** Heat, size, place, and the epochs of `recent` and `parked`. */
const REGION_BYTES = 11;
export const stateBytesMax = 16777216;
/** Regions beyond are saved no more: they start anew where the state is taken over. */
const SAVED_MAX: i32 = (16777216 - HEAD_BYTES) / REGION_BYTES;

export function save(): Uint8Array {
  const regions = min(heat.length, SAVED_MAX);
  const head = new Float64Array(HEAD_VALUES);
  head[0] = regions;
  head[1] = birthPages;
  head[2] = birthHeat;
  head[3] = budgetShared ? 1 : 0;
  const state = new Uint8Array(HEAD_BYTES + regions * REGION_BYTES);
  let at = put<Float64Array>(state, 0, head, HEAD_VALUES);
  at = put<Uint8Array>(state, at, rows, PLACES_MAX);
  at = put<Float32Array>(state, at, heat, regions);
  at = put<Uint32Array>(state, at, size, regions);
  at = put<Uint8Array>(state, at, placeOf, regions);
  at = put<Int8Array>(state, at, recent, regions);
  put<Uint8Array>(state, at, parked, regions);
  return state;
}

export function restore(state: Uint8Array): string | null {
  if (state.length < HEAD_BYTES) return 'it ends before its head does';
  const head = new Float64Array(HEAD_VALUES);
  let at = take<Float64Array>(state, 0, head, HEAD_VALUES);
  const known = head[0];
  if (!(known >= 0 && known <= SAVED_MAX)) return 'it names no number of regions';
  const regions = <i32>known;
  if (state.length != HEAD_BYTES + regions * REGION_BYTES) return 'it has not the length that it says';
  birthPages = head[1];
  birthHeat = head[2];
  budgetShared = head[3] != 0;
  resize(regions);
  at = take<Uint8Array>(state, at, rows, PLACES_MAX);
  at = take<Float32Array>(state, at, heat, regions);
  at = take<Uint32Array>(state, at, size, regions);
  at = take<Uint8Array>(state, at, placeOf, regions);
  at = take<Int8Array>(state, at, recent, regions);
  take<Uint8Array>(state, at, parked, regions);
  return null;
}

/** Copies the first values into the state; answers where the next ones go. */
function put<T extends ArrayBufferView>(state: Uint8Array, at: i32, values: T, count: i32): i32 {
  const bytes = count * sizeof<valueof<T>>();
  state.set(Uint8Array.wrap(values.buffer, values.byteOffset, bytes), at);
  return at + bytes;
}

function take<T extends ArrayBufferView>(state: Uint8Array, at: i32, values: T, count: i32): i32 {
  const bytes = count * sizeof<valueof<T>>();
  Uint8Array.wrap(values.buffer, values.byteOffset, bytes).set(state.subarray(at, at + bytes));
  return at + bytes;
}
