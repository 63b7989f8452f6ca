import { grow } from '../columns.ts';

/**
 * Region indices and what is known by index. An index that ended is free again one sample later, so that
 * nobody confuses the region that had it with the one that gets it.
 */
export interface RegionSlots {
  /** Highest index in use + 1. */
  regions: number;
  /** First page or frame. */
  pageNumber: Float64Array;
  /** 0 = hole. */
  pages: Uint32Array;
  owner: Uint16Array;
  born: Uint32Array;
  /** Number of the last sample that need not show the region, since it was moved lately; 0 = each must. */
  graceEnd: Uint32Array;
  /** Node it was moved to; of meaning only until a sample shows it there. */
  node: Uint8Array;
  bear(owner: number, pageNumber: number, pages: number, epoch: number): number;
  end(region: number): void;
  /** Frees the indices that ended before the previous call. To be called once per sample. */
  release(): void;
}

export function createRegionSlots(): RegionSlots {
  const free: number[] = [];
  const ended: number[] = [];

  const slots: RegionSlots = {
    regions: 0,
    pageNumber: new Float64Array(0),
    pages: new Uint32Array(0),
    owner: new Uint16Array(0),
    born: new Uint32Array(0),
    graceEnd: new Uint32Array(0),
    node: new Uint8Array(0),
    bear(owner, pageNumber, pages, epoch) {
      const region = free.pop() ?? slots.regions++;
      if (region >= slots.pages.length) reserve(1024 + region + (region >> 2));
      slots.pageNumber[region] = pageNumber;
      slots.pages[region] = pages;
      slots.owner[region] = owner;
      slots.born[region] = epoch;
      return region;
    },
    end(region) {
      slots.pages[region] = 0;
      slots.graceEnd[region] = 0;
      ended.push(region);
    },
    release() {
      // What ended first is taken first: indices stay in about the order of pages, and memory is read in order.
      while (ended.length > 0) free.push(ended.pop()!);
    },
  };

  function reserve(length: number): void {
    slots.pageNumber = grow(slots.pageNumber, length);
    slots.pages = grow(slots.pages, length);
    slots.owner = grow(slots.owner, length);
    slots.born = grow(slots.born, length);
    slots.graceEnd = grow(slots.graceEnd, length);
    slots.node = grow(slots.node, length);
  }

  return slots;
}
