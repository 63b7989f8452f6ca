/**
 * The canonical ABI of the world in policies/wit/policy.wit: the only file of the kit that touches raw
 * memory. Offsets are the record layouts of the component model (CanonicalABI.md, "Loading"); strings are
 * UTF-16, which is what AssemblyScript holds anyway.
 *
 * Every list the host lowers lies in a block of its own from `cabi_realloc`: a pinned ArrayBuffer, which
 * typed arrays wrap without copying.
 */
import { Chunk } from './chunk';
import { Epoch } from './epoch';
import { Events } from './events';
import { Metric } from './metric';
import { Place } from './place';
import { Plan } from './plan';
import { Setting } from './setting';

/** Results that do not fit a register; 48 bytes are the largest (plan). Exports are never re-entered. */
const RESULT: usize = memory.data(48, 8);

// ---- memory --------------------------------------------------------------------------------------------

/** Smaller blocks are not worth keeping. */
const KEPT_BYTES_MIN: i32 = 4096;
const KEPT_BLOCKS_MAX = 16;
/** Blocks of earlier chunks, pinned: allocating anew would clear 256K values a column each time. */
const kept = new StaticArray<usize>(KEPT_BLOCKS_MAX);

export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  if (size == 0) return align;
  const block = <i32>size < KEPT_BYTES_MIN ? 0 : takeKept(<i32>size);
  const fresh = block ? block : __pin(__new(size, idof<ArrayBuffer>()));
  if (oldSize) {
    memory.copy(fresh, old, min(oldSize, size));
    __unpin(old);
  }
  return fresh;
}

/** The smallest kept block that is large enough, or 0. */
function takeKept(size: i32): usize {
  let best = -1;
  let bestSize = i32.MAX_VALUE;
  for (let i = 0; i < KEPT_BLOCKS_MAX; i++) {
    const block = unchecked(kept[i]);
    if (!block) continue;
    const has = changetype<ArrayBuffer>(block).byteLength;
    if (has >= size && has < bestSize) {
      best = i;
      bestSize = has;
    }
  }
  if (best < 0) return 0;
  const block = unchecked(kept[best]);
  unchecked((kept[best] = 0));
  return block;
}

/** Keeps the block for the next chunk; when all places are taken, the smallest is let go. */
function keep(block: usize): void {
  let loser = block;
  for (let i = 0; i < KEPT_BLOCKS_MAX; i++) {
    const other = unchecked(kept[i]);
    if (!other) {
      unchecked((kept[i] = loser));
      return;
    }
    if (changetype<ArrayBuffer>(other).byteLength < changetype<ArrayBuffer>(loser).byteLength) {
      unchecked((kept[i] = loser));
      loser = other;
    }
  }
  __unpin(loser);
}

function release(block: usize, bytes: i32): void {
  if (!bytes) return;
  if (bytes >= KEPT_BYTES_MIN) keep(block);
  else __unpin(block);
}

/** The lowered list as an ArrayBuffer that lives as long as anybody refers to it. */
function takeBuffer(block: usize, bytes: i32): ArrayBuffer {
  if (!bytes) return new ArrayBuffer(0);
  __unpin(block);
  return changetype<ArrayBuffer>(block);
}

/** Changes how many values a typed array shows; its buffer must hold as many. */
export function setLength<T extends ArrayBufferView>(array: T, length: i32): void {
  store<i32>(
    changetype<usize>(array),
    length * <i32>sizeof<valueof<T>>(),
    offsetof<ArrayBufferView>('byteLength'),
  );
}

/** After a result was read: nothing of the call is needed any more, and no reference is on the stack. */
export function cabi_post_configure(_result: usize): void {
  __collect();
}
export function cabi_post_decide(_result: usize): void {
  __collect();
}
export function cabi_post_save(_result: usize): void {
  lowered = null;
  __collect();
}
export function cabi_post_restore(_result: usize): void {
  __collect();
}

// ---- log -----------------------------------------------------------------------------------------------

// @ts-ignore: decorator
@external('$root', 'log')
declare function hostLog(level: u32, message: usize, length: i32): void;

export function logLine(level: u32, message: string): void {
  hostLog(level, changetype<usize>(message), message.length);
}

/** Stands in for the import `env.abort`, which the world does not have. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message ? message : 'aborted';
  const where = file ? ' (' + file + ':' + line.toString() + ':' + column.toString() + ')' : '';
  logLine(4, what + where);
  unreachable();
}

// ---- lift ----------------------------------------------------------------------------------------------

function liftString(block: usize, length: i32): string {
  if (!length) return '';
  const text = String.UTF16.decodeUnsafe(block, <usize>length << 1);
  __unpin(block);
  return text;
}

function liftBytes(block: usize, length: i32): Uint8Array {
  return Uint8Array.wrap(takeBuffer(block, length), 0, length);
}

function liftWords(block: usize, length: i32): Uint32Array {
  return Uint32Array.wrap(takeBuffer(block, length << 2), 0, length);
}

const SETTING_BYTES = 24;

export function liftSettings(block: usize, length: i32): Setting[] {
  const settings = new Array<Setting>(0);
  for (let i = 0; i < length; i++) {
    const at = block + <usize>(i * SETTING_BYTES);
    const setting = new Setting();
    setting.name = liftString(load<usize>(at), load<i32>(at, 4));
    const kind = load<u8>(at, 8);
    if (kind == 0) setting.number = load<f64>(at, 16);
    else if (kind == 1) setting.truth = load<u8>(at, 16) != 0;
    else setting.text = liftString(load<usize>(at, 16), load<i32>(at, 20));
    settings.push(setting);
  }
  release(block, length * SETTING_BYTES);
  return settings;
}

const PLACE_BYTES = 24;

export function liftPlaces(epoch: Epoch, block: usize, length: i32): void {
  const places = epoch.places;
  while (places.length < length) places.push(new Place());
  places.length = length;
  for (let i = 0; i < length; i++) {
    const at = block + <usize>(i * PLACE_BYTES);
    const place = unchecked(places[i]);
    place.tier = load<u8>(at);
    place.kind = load<u8>(at, 1);
    place.state = load<u8>(at, 2);
    place.capacity = load<u32>(at, 4);
    place.room = load<u32>(at, 8);
    place.budget = load<u32>(at, 12);
    place.latencyNs = load<u32>(at, 16);
    place.bandwidthMib = load<u32>(at, 20);
  }
  release(block, length * PLACE_BYTES);
}

const METRIC_BYTES = 16;

export function liftMetrics(epoch: Epoch, block: usize, length: i32): void {
  const metrics = new Array<Metric>(0);
  for (let i = 0; i < length; i++) {
    const at = block + <usize>(i * METRIC_BYTES);
    metrics.push(new Metric(load<u16>(at), load<u16>(at, 2), load<f64>(at, 8)));
  }
  epoch.metrics = metrics;
  release(block, length * METRIC_BYTES);
}

export function liftEvents(
  kinds: usize, kindCount: i32, regions: usize, regionCount: i32, others: usize, otherCount: i32,
): Events {
  return new Events(
    liftBytes(kinds, kindCount),
    liftWords(regions, regionCount),
    liftWords(others, otherCount),
  );
}

const COLUMN_BYTES = 16;

/** Unknown columns are ignored. The views hold until `releaseColumns`. */
export function liftColumns(chunk: Chunk, block: usize, length: i32): void {
  for (let i = 0; i < length; i++) {
    const at = block + <usize>(i * COLUMN_BYTES);
    const values = load<usize>(at, 8);
    const count = load<i32>(at, 12);
    switch (load<u16>(at)) {
      case 0: chunk.accesses = wordsOf(values, count); break;
      case 1: chunk.writes = wordsOf(values, count); break;
      case 2: chunk.idleEpochs = shortsOf(values, count); break;
      case 3: chunk.pages = wordsOf(values, count); break;
      case 4: chunk.place = bytesOf(values, count); break;
      case 5: chunk.owner = shortsOf(values, count); break;
      case 6: chunk.flags = bytesOf(values, count); break;
      case 7: chunk.coverage = bytesOf(values, count); break;
      case 8: chunk.faultLatencyUs = wordsOf(values, count); break;
      case 9: chunk.born = wordsOf(values, count); break;
      case 10: chunk.verdict = bytesOf(values, count); break;
      case 11: chunk.block = wordsOf(values, count); break;
    }
  }
}

export function releaseColumns(block: usize, length: i32): void {
  for (let i = 0; i < length; i++) {
    const at = block + <usize>(i * COLUMN_BYTES);
    const tag = load<u8>(at, 4);
    release(load<usize>(at, 8), load<i32>(at, 12) << (tag == 0 ? 0 : tag == 1 ? 1 : 2));
  }
  release(block, length * COLUMN_BYTES);
}

function bytesOf(block: usize, count: i32): Uint8Array {
  return count ? Uint8Array.wrap(changetype<ArrayBuffer>(block), 0, count) : new Uint8Array(0);
}
function shortsOf(block: usize, count: i32): Uint16Array {
  return count ? Uint16Array.wrap(changetype<ArrayBuffer>(block), 0, count) : new Uint16Array(0);
}
function wordsOf(block: usize, count: i32): Uint32Array {
  return count ? Uint32Array.wrap(changetype<ArrayBuffer>(block), 0, count) : new Uint32Array(0);
}

/** A copy-free view of a lowered state, the author's from now on. */
export function liftState(block: usize, length: i32): Uint8Array {
  return liftBytes(block, length);
}

// ---- lower ---------------------------------------------------------------------------------------------

/** What RESULT points to lives until the post-return call. */
let lowered: Object | null = null;

function list(offset: usize, start: usize, length: i32): void {
  store<usize>(RESULT + offset, length ? start : 8);
  store<i32>(RESULT + offset, length, 4);
}

/** `result<_, string>`; null is ok. */
export function lowerFault(fault: string | null): usize {
  store<u8>(RESULT, fault ? 1 : 0);
  if (fault) {
    lowered = fault;
    list(4, changetype<usize>(fault), fault.length);
  }
  return RESULT;
}

export function lowerBytes(bytes: Uint8Array): usize {
  lowered = bytes;
  list(0, bytes.dataStart, bytes.length);
  return RESULT;
}

/** Reasons go along only where the manifest explains them. */
export function lowerPlan(plan: Plan, reasoned: bool): usize {
  const length = plan.length;
  list(0, plan.regions.dataStart, length);
  list(8, plan.targets.dataStart, length);
  list(16, plan.priorities.dataStart, plan.prioritized ? length : 0);
  list(24, plan.reasons.dataStart, reasoned ? length : 0);
  list(32, plan.headrooms.dataStart, plan.reserved ? plan.headrooms.length : 0);
  const count = plan.wishes.length;
  const wishes = new StaticArray<u8>(count << 3);
  for (let i = 0; i < count; i++) {
    const at = changetype<usize>(wishes) + <usize>(i << 3);
    const wish = plan.wishes[i];
    store<u16>(at, wish.id);
    store<u16>(at, wish.subject, 2);
    store<u32>(at, wish.value, 4);
  }
  lowered = wishes;
  list(40, changetype<usize>(wishes), count);
  return RESULT;
}

// ---- vectors over typed arrays -------------------------------------------------------------------------

/** Sixteen bytes of a typed array from value `index` on. No bounds check: stay below `length`. */
// @ts-ignore: decorator
@inline
export function load128<T extends ArrayBufferView>(array: T, index: i32): v128 {
  return v128.load(array.dataStart + <usize>index * sizeof<valueof<T>>());
}

/** Stores sixteen bytes to a typed array from value `index` on. No bounds check. */
// @ts-ignore: decorator
@inline
export function store128<T extends ArrayBufferView>(array: T, index: i32, value: v128): void {
  v128.store(array.dataStart + <usize>index * sizeof<valueof<T>>(), value);
}
