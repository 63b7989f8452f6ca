import { SPACE, type OwnerRef } from '../executor/plan.ts';
import { failure, success, type Result } from '../executor/result.ts';
import { EVENT, type RegionEvents } from './contract.ts';
import { createEventLog } from './event-log.ts';
import { ownersMax, regionCountMax } from './limits.ts';
import { createHolders, type Holder } from './regions/holders.ts';
import type { CarriedPlan } from './regions/carry-folios.ts';
import { joinRows } from './regions/join.ts';
import { createRecentMoves } from './regions/recent-moves.ts';
import { rekeyRegions } from './regions/rekey.ts';
import { createRegionSlots } from './regions/slots.ts';
import type { Sample } from './telemetry/source.ts';

export type TableFault = 'too-many-regions' | 'too-many-owners';

/** A region that lives on although the sample does not show it: it was moved lately. */
export interface UnseenRegion {
  readonly region: number;
  /** Node id it was moved to; 255 = unknown. */
  readonly node: number;
}

/**
 * Which index stands for which contents. An index keeps its region while the region lives, wherever it
 * moves to; it is free again one epoch after the region ended, so that nobody confuses the two.
 * docs/regions.md says what a region is and what each event means.
 */
export interface RegionTable {
  /** Highest index in use + 1. */
  readonly regions: number;
  /** Highest owner ordinal in use + 1. */
  readonly owners: number;
  /** By region index; `pages` is 0 for a hole. */
  readonly pageNumber: Float64Array;
  readonly pages: Uint32Array;
  readonly owner: Uint16Array;
  readonly born: Uint32Array;
  /** Of the last update. */
  readonly unseen: readonly UnseenRegion[];
  /**
   * Takes over what a source found: known regions keep their index, new ones get one, missing ones end.
   * `rowRegion` receives the index of each row of the sample; a row that is no region (a frame emptied by a
   * move, from a list made before it) gets `regions`. On a failure nothing has changed.
   */
  update(sample: Sample, epoch: number, rowRegion: Uint32Array): Result<RegionEvents, TableFault>;
  /** A plan of frames was carried out: from the next update on, regions are where their contents went. */
  follow(carried: CarriedPlan): void;
  /** Nobody knows what became of a plan for these regions: they end unless the next sample shows them. */
  doubt(regions: Uint32Array): void;
  /** Undefined for physical space, which has no owners. */
  ownerRef(ordinal: number): OwnerRef | undefined;
}

export function createRegionTable(): RegionTable {
  const events = createEventLog();
  const slots = createRegionSlots();
  const holders = createHolders();
  const recent = createRecentMoves(slots, events);
  let carried: CarriedPlan[] = [];
  let unseen: readonly UnseenRegion[] = [];

  function update(sample: Sample, epoch: number, rowRegion: Uint32Array): Result<RegionEvents, TableFault> {
    const fault = admit(sample);
    if (fault) return fault;
    events.clear();
    slots.release();
    holders.release();
    recent.begin();
    unseen = [];
    if (sample.space === SPACE.physical) updateMachine(sample, epoch, rowRegion);
    else updateProcesses(sample, epoch, rowRegion);
    for (const { known } of holders.sweep()) for (const region of known) recent.end(EVENT.died, region, 0);
    recent.finish(sample.rows, rowRegion);
    return success(events.take());
  }

  function updateProcesses(sample: Sample, epoch: number, rowRegion: Uint32Array): void {
    const { owner } = sample.rows;
    for (let start = 0, end = 0; start < owner.length; start = end) {
      while (end < owner.length && owner[end] === owner[start]) end++;
      join(holders.find(sample.owners[owner[start]]), sample, start, end, epoch, rowRegion);
    }
  }

  function updateMachine(sample: Sample, epoch: number, rowRegion: Uint32Array): void {
    const machine = holders.find(undefined);
    for (const plan of carried) machine.known = rekeyRegions(slots, machine.known, plan, recent);
    carried = [];
    const missing = join(machine, sample, 0, sample.rows.pageNumber.length, epoch, rowRegion);
    unseen = missing.map((region) => ({ region, node: slots.node[region] }));
    recent.credits.settle(sample.rows, rowRegion, slots, events);
  }

  function join(
    holder: Holder,
    { rows }: Sample,
    start: number,
    end: number,
    epoch: number,
    rowRegion: Uint32Array,
  ): readonly number[] {
    const { ordinal, known } = holder;
    const joined = joinRows({
      slots,
      events,
      recent,
      rows,
      start,
      end,
      ordinal,
      epoch,
      known,
      rowRegion,
    });
    holder.known = joined.known;
    return joined.unseen;
  }

  return {
    get regions() {
      return slots.regions;
    },
    get owners() {
      return holders.count;
    },
    get pageNumber() {
      return slots.pageNumber;
    },
    get pages() {
      return slots.pages;
    },
    get owner() {
      return slots.owner;
    },
    get born() {
      return slots.born;
    },
    get unseen() {
      return unseen;
    },
    update,
    follow: (plan) => void carried.push(plan),
    doubt(regions) {
      for (const region of regions) slots.graceEnd[region] = 0;
    },
    ownerRef: (ordinal) => holders.at(ordinal)?.ref,
  };
}

/** Bounds are checked before anything changes, so that a refused sample leaves the table as it was. */
function admit(sample: Sample): Result<never, TableFault> | undefined {
  const rows = sample.rows.owner.length;
  if (rows > regionCountMax) {
    return failure(
      'too-many-regions',
      `${rows} regions sampled, ${regionCountMax} allowed: watch fewer processes or use larger regions`,
    );
  }
  if (sample.owners.length > ownersMax) {
    return failure(
      'too-many-owners',
      `${sample.owners.length} owners sampled, ${ownersMax} allowed: narrow the scope`,
    );
  }
  return undefined;
}
