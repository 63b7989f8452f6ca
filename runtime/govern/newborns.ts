import type { Place, Snapshot } from '../contract.ts';

export interface Newborns {
  readonly newborns: readonly number[];
  readonly snapshot: Snapshot;
  /** Pages by place that would be free; becomes smaller. */
  readonly room: number[];
  /** Pages by place that were really free, at most. */
  readonly shortRoom: readonly number[];
  /** Receives the place of each newborn. */
  readonly held: Uint8Array;
}

/**
 * Where the kernel would have put regions at their first touch: where it did, if there would be room, else in
 * the next slower place; but in a faster one if that was passed over only because it was full. Whoever was
 * put in slow memory while fast memory was free is there on purpose.
 */
export function placeNewborns({ newborns, snapshot, room, shortRoom, held }: Newborns): void {
  const { places, columns } = snapshot;
  const [pages, appeared] = [columns.pages!, columns.place!];
  const order = [...places.keys()].toSorted((a, b) => compareSpeed(places[a], places[b]) || a - b);

  function fit(rank: number, size: number): number {
    for (let at = 0; at < order.length; at++) {
      const candidate = order[at];
      const wasFree = at < rank && shortRoom[candidate] >= size;
      if (!wasFree && room[candidate] >= size) return candidate;
    }
    return order[rank];
  }

  // The fastest place first: its newborns came while it had room, the others after them.
  for (const [rank, place] of order.entries()) {
    for (const region of newborns) {
      if (appeared[region] !== place) continue;
      held[region] = fit(rank, pages[region]);
      room[held[region]] -= pages[region];
    }
  }
}

function compareSpeed(a: Place, b: Place): number {
  return a.tier - b.tier || a.latencyNs - b.latencyNs;
}
