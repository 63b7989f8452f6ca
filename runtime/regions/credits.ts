import { EVENT } from '../contract.ts';
import type { EventLog } from '../event-log.ts';
import { regionCountMax } from '../limits.ts';
import type { SampleRows } from '../telemetry/source.ts';
import { countBelow } from './search.ts';
import type { RegionSlots } from './slots.ts';

/**
 * Contents that left blocks of several folios since the last sample, and where to. What received them is
 * known only when the next sample has been taken over; until then the givers may not end, since an event
 * that credits from a region has to come before the one that ends it.
 */
export interface Credits {
  add(giver: number, to: number, pages: number): void;
  /** All of the giver left: it ends whatever the sample shows. */
  empty(giver: number): void;
  gives(region: number): boolean;
  /** A giver that lives on and gave something to this range; undefined = none did. */
  giverTo(first: number, pages: number): number | undefined;
  /** `other` was announced as split from `giver`, which credits it already. */
  announce(giver: number, other: number): void;
  /** The giver's end, told after its credits. `survivor` is of meaning only for `EVENT.merged`. */
  postpone(kind: number, giver: number, survivor: number): void;
  /** Tells who received what, ends whom that leaves without anything, and forgets it all. */
  settle(rows: SampleRows, rowRegion: Uint32Array, slots: RegionSlots, events: EventLog): void;
}

interface Credit {
  readonly giver: number;
  readonly to: number;
  readonly pages: number;
}

interface Ending {
  readonly kind: number;
  readonly survivor: number;
}

export function createCredits(): Credits {
  let credits: Credit[] = [];
  let sorted = true;
  const givers = new Set<number>();
  const emptied = new Set<number>();
  const told = new Set<number>();
  const endings = new Map<number, Ending>();

  function sort(): void {
    if (!sorted) credits.sort((a, b) => a.to - b.to);
    sorted = true;
  }

  /** First credit that ends above `first`; folios that changed frames are disjoint at their new ones. */
  function firstAbove(first: number): number {
    sort();
    return countBelow(credits.length, first + 1, (at) => credits[at].to + credits[at].pages);
  }

  function tellReceivers(rows: SampleRows, rowRegion: Uint32Array, slots: RegionSlots, events: EventLog) {
    const { pageNumber, pages } = rows;
    sort();
    for (const { giver, to, pages: given } of credits) {
      let row = countBelow(pageNumber.length, to + 1, (at) => pageNumber[at] + pages[at]);
      for (; row < pageNumber.length && pageNumber[row] < to + given; row++) {
        const receiver = rowRegion[row];
        if (receiver >= slots.regions || receiver === giver || told.has(pair(giver, receiver))) continue;
        told.add(pair(giver, receiver));
        events.push(EVENT.scattered, receiver, giver);
      }
    }
  }

  return {
    add(giver, to, pages) {
      credits.push({ giver, to, pages });
      sorted = false;
      givers.add(giver);
    },
    empty(giver) {
      givers.add(giver);
      emptied.add(giver);
      endings.set(giver, { kind: EVENT.died, survivor: 0 });
    },
    gives: (region) => givers.size > 0 && givers.has(region),
    giverTo(first, pages) {
      if (credits.length === 0) return undefined;
      for (let at = firstAbove(first); at < credits.length && credits[at].to < first + pages; at++)
        if (!emptied.has(credits[at].giver)) return credits[at].giver;
      return undefined;
    },
    announce: (giver, other) => void told.add(pair(giver, other)),
    postpone: (kind, giver, survivor) => void endings.set(giver, { kind, survivor }),
    settle(rows, rowRegion, slots, events) {
      if (givers.size === 0) return;
      tellReceivers(rows, rowRegion, slots, events);
      for (const [giver, { kind, survivor }] of endings) endRegion(slots, events, kind, giver, survivor);
      credits = [];
      givers.clear();
      emptied.clear();
      told.clear();
      endings.clear();
    },
  };
}

/** Ends a region and says so: dead, or merged into a survivor. */
export function endRegion(
  slots: RegionSlots,
  events: EventLog,
  kind: number,
  region: number,
  survivor: number,
): void {
  if (kind === EVENT.merged) events.push(EVENT.merged, survivor, region);
  else events.push(EVENT.died, region, 0);
  slots.end(region);
}

function pair(giver: number, receiver: number): number {
  return giver * regionCountMax + receiver;
}
