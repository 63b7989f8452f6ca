import { fit } from './fit';

/** Entries one plan may have; further ones are dropped, so put first what matters. */
export const PLAN_ENTRIES_MAX = 1048576;

/** A wish about how the policy is to be observed. */
@final
export class Wish {
  constructor(
    public id: u16,
    public subject: u16,
    public value: u32,
  ) {}
}

/**
 * What you would like to see. Each entry is a wish that may be refused alone; regions you leave out stay.
 * Departures run first, and room counts what the same plan frees only once it is free.
 */
@final
export class Plan {
  /** Entries so far. */
  length: i32 = 0;
  regions: Uint32Array = new Uint32Array(64);
  targets: Uint8Array = new Uint8Array(64);
  priorities: Uint16Array = new Uint16Array(64);
  reasons: Uint8Array = new Uint8Array(64);
  headrooms: Uint32Array = new Uint32Array(0);
  wishes: Wish[] = [];
  prioritized: bool = false;
  reserved: bool = false;

  /**
   * Wishes the region into the place, both by index; name no region twice. Higher priorities go first,
   * ties in the order of calls. `reason` is an index into the module's `reasons`.
   */
  move(region: u32, place: u32, priority: u32 = 0, reason: u32 = 0): void {
    const at = this.length;
    if (at == PLAN_ENTRIES_MAX) return;
    if (at == this.regions.length) this.grow(at * 2);
    unchecked((this.regions[at] = region));
    unchecked((this.targets[at] = <u8>place));
    unchecked((this.priorities[at] = <u16>min<u32>(priority, 65535)));
    unchecked((this.reasons[at] = <u8>reason));
    this.length = at + 1;
    if (priority != 0) this.prioritized = true;
  }

  /** Keeps pages free in a place: raises the operator's reserve, never lowers it, and moves nothing. */
  headroom(place: i32, pages: u32): void {
    this.headrooms[place] = pages;
    this.reserved = true;
  }

  /** Asks for another way of observing; advice within the operator's bounds. */
  wish(id: u16, subject: u16, value: u32): void {
    this.wishes.push(new Wish(id, subject, value));
  }

  /** Empties the plan for an epoch with so many places. */
  clear(places: i32): void {
    this.length = 0;
    this.prioritized = false;
    this.reserved = false;
    this.wishes.length = 0;
    if (this.headrooms.length != places) this.headrooms = new Uint32Array(places);
    else this.headrooms.fill(0);
  }

  private grow(capacity: i32): void {
    this.regions = fit<Uint32Array>(this.regions, capacity);
    this.targets = fit<Uint8Array>(this.targets, capacity);
    this.priorities = fit<Uint16Array>(this.priorities, capacity);
    this.reasons = fit<Uint8Array>(this.reasons, capacity);
  }
}
