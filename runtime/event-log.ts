import { grow } from './columns.ts';
import type { RegionEvents } from './contract.ts';

/** Collects an epoch's events into columns that are reused from epoch to epoch. */
export interface EventLog {
  push(kind: number, region: number, other: number): void;
  clear(): void;
  /** Views that stay valid until the next `clear`. */
  take(): RegionEvents;
}

export function createEventLog(): EventLog {
  let kinds = new Uint8Array(1024);
  let regions = new Uint32Array(1024);
  let others = new Uint32Array(1024);
  let count = 0;
  return {
    push(kind, region, other) {
      if (count === kinds.length) {
        kinds = grow(kinds, count * 2);
        regions = grow(regions, count * 2);
        others = grow(others, count * 2);
      }
      kinds[count] = kind;
      regions[count] = region;
      others[count++] = other;
    },
    clear() {
      count = 0;
    },
    take: () => ({
      kinds: kinds.subarray(0, count),
      regions: regions.subarray(0, count),
      others: others.subarray(0, count),
    }),
  };
}
