import type { RegionSlots } from './slots.ts';

/** Merges regions, in any order, into sorted ones: by first page; of two that begin alike, the larger first. */
export function mergeRegions(
  slots: RegionSlots,
  sorted: Uint32Array,
  others: readonly number[],
): Uint32Array {
  if (others.length === 0) return sorted;
  const added = others.toSorted((a, b) => compareRegions(slots, a, b));
  const merged = new Uint32Array(sorted.length + added.length);
  let at = 0;
  let next = 0;
  for (const region of added) {
    const start = at;
    while (at < sorted.length && compareRegions(slots, sorted[at], region) <= 0) at++;
    merged.set(sorted.subarray(start, at), start + next);
    merged[at + next++] = region;
  }
  merged.set(sorted.subarray(at), at + next);
  return merged;
}

function compareRegions({ pageNumber, pages }: RegionSlots, a: number, b: number): number {
  return pageNumber[a] - pageNumber[b] || pages[b] - pages[a];
}
