import type { Flow } from './plan.ts';

/** Base pages that went from one node to another. */
export interface FlowTally {
  add(from: number, to: number, pages: number): void;
  list(): Flow[];
}

export function createFlowTally(): FlowTally {
  const pagesOf = new Map<number, number>();
  return {
    add(from, to, pages) {
      const key = from * 256 + to;
      pagesOf.set(key, (pagesOf.get(key) ?? 0) + pages);
    },
    list: () => [...pagesOf].map(([key, pages]) => ({ from: Math.floor(key / 256), to: key % 256, pages })),
  };
}
