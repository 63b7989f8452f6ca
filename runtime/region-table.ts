import type { OwnerRef } from '../executor/plan.ts';
import { failure, success, type Result } from '../executor/result.ts';
import { grow } from './columns.ts';
import { createEventLog } from './event-log.ts';
import { EVENT, type RegionEvents } from './contract.ts';
import { ownersMax, regionCountMax } from './limits.ts';
import type { Sample } from './telemetry/source.ts';

/** One process' regions: table indices sorted by page number. */
interface OwnerEntry {
  readonly ref: OwnerRef;
  readonly ordinal: number;
  indices: Uint32Array;
}

export type TableFault = 'too-many-regions' | 'too-many-owners';

/**
 * Which index stands for which memory. An index keeps its region while the region lives, whatever node
 * it moves to; it is free again one epoch after the region died, so that nobody confuses the two.
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
  /**
   * Takes over what a source found: known regions keep their index, new ones get one, missing ones die.
   * `rowRegion` receives the index of each row of the sample. On a failure nothing has changed.
   */
  update(sample: Sample, epoch: number, rowRegion: Uint32Array): Result<RegionEvents, TableFault>;
  ownerRef(ordinal: number): OwnerRef | undefined;
}

export function createRegionTable(): RegionTable {
  const events = createEventLog();
  const owners = new Map<string, OwnerEntry>();
  const ordinals: (OwnerEntry | undefined)[] = [];
  let freeIndices: number[] = [];
  let freedIndices: number[] = [];
  let freedOrdinals: number[] = [];

  const table = {
    regions: 0,
    owners: 0,
    pageNumber: new Float64Array(0),
    pages: new Uint32Array(0),
    owner: new Uint16Array(0),
    born: new Uint32Array(0),
    update,
    ownerRef: (ordinal: number) => ordinals[ordinal]?.ref,
  };

  function update(sample: Sample, epoch: number, rowRegion: Uint32Array): Result<RegionEvents, TableFault> {
    const fault = admit(sample);
    if (fault) return fault;
    events.clear();
    releaseFreed();
    const seen = new Set<string>();
    const { owner } = sample.rows;
    for (let start = 0, end = 0; start < owner.length; start = end) {
      while (end < owner.length && owner[end] === owner[start]) end++;
      const ref = sample.owners[owner[start]];
      seen.add(ownerKey(ref));
      mergeOwner(ownerEntry(ref), sample, start, end, epoch, rowRegion);
    }
    for (const [key, entry] of owners) if (!seen.has(key)) buryOwner(key, entry);
    return success(events.take());
  }

  function releaseFreed(): void {
    for (const index of freedIndices) freeIndices.push(index);
    freedIndices = [];
    for (const ordinal of freedOrdinals) ordinals[ordinal] = undefined;
    freedOrdinals = [];
  }

  function ownerEntry(ref: OwnerRef): OwnerEntry {
    const key = ownerKey(ref);
    const known = owners.get(key);
    if (known) return known;
    let ordinal = ordinals.indexOf(undefined);
    if (ordinal < 0) ordinal = ordinals.length;
    const entry = { ref, ordinal, indices: new Uint32Array(0) };
    ordinals[ordinal] = entry;
    owners.set(key, entry);
    table.owners = ordinals.length;
    return entry;
  }

  /** Merge-join of an owner's known regions with its rows start … end - 1, both sorted by page number. */
  function mergeOwner(
    entry: OwnerEntry,
    sample: Sample,
    start: number,
    end: number,
    epoch: number,
    rowRegion: Uint32Array,
  ): void {
    const { pageNumber, pages } = sample.rows;
    const known = entry.indices;
    const merged = new Uint32Array(end - start);
    let oldAt = 0;
    /** First page after the previous known region that survived, and its index. */
    let survivorEnd = -1;
    let survivor = 0;
    for (let row = start; row < end; row++) {
      const first = pageNumber[row];
      while (oldAt < known.length && table.pageNumber[known[oldAt]] < first)
        buryRegion(known[oldAt++], sample, start, row, rowRegion);
      let index: number;
      if (oldAt < known.length && table.pageNumber[known[oldAt]] === first) {
        index = known[oldAt++];
        survivor = index;
        survivorEnd = first + table.pages[index];
      } else {
        index = bear(entry.ordinal, first, epoch);
        if (first < survivorEnd) events.push(EVENT.split, survivor, index);
        else events.push(EVENT.born, index, 0);
      }
      table.pages[index] = pages[row];
      merged[row - start] = index;
      rowRegion[row] = index;
    }
    while (oldAt < known.length) buryRegion(known[oldAt++], sample, start, end, rowRegion);
    entry.indices = merged;
  }

  /** Ends a region: swallowed by the row before `row` where that one covers it now, dead otherwise. */
  function buryRegion(
    index: number,
    sample: Sample,
    start: number,
    row: number,
    rowRegion: Uint32Array,
  ): void {
    const before = row - 1;
    const swallowed =
      before >= start && table.pageNumber[index] < sample.rows.pageNumber[before] + sample.rows.pages[before];
    if (swallowed) events.push(EVENT.merged, rowRegion[before], index);
    else events.push(EVENT.died, index, 0);
    table.pages[index] = 0;
    freedIndices.push(index);
  }

  function buryOwner(key: string, entry: OwnerEntry): void {
    for (const index of entry.indices) {
      events.push(EVENT.died, index, 0);
      table.pages[index] = 0;
      freedIndices.push(index);
    }
    owners.delete(key);
    freedOrdinals.push(entry.ordinal);
  }

  function bear(ordinal: number, pageNumber: number, epoch: number): number {
    const index = freeIndices.pop() ?? table.regions++;
    if (index >= table.pages.length) growColumns(Math.max(1024, index * 2));
    table.pageNumber[index] = pageNumber;
    table.owner[index] = ordinal;
    table.born[index] = epoch;
    return index;
  }

  function growColumns(length: number): void {
    table.pageNumber = grow(table.pageNumber, length);
    table.pages = grow(table.pages, length);
    table.owner = grow(table.owner, length);
    table.born = grow(table.born, length);
  }

  return table;
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

function ownerKey(ref: OwnerRef): string {
  return `${ref.pid}/${ref.startTimeTicks}/${ref.stackStart}`;
}
