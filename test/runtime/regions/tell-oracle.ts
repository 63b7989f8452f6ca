import { BLOCK, type Move, type Wish } from './frame-world.ts';

/** A region of one folio: where the table has it, and its contents by page. */
export interface Known {
  readonly first: number;
  readonly names: readonly (number | undefined)[];
}

/** What a plan did, as far as the table was told. */
export interface Told {
  /** Frames that hold what left regions that were moved in part. */
  readonly given: readonly Gift[];
  /**
   * As `given`, of all regions that the frames were ever in: what was put there in the middle of a plan and then
   * moved by it was in the region too, if only for a moment.
   */
  readonly possible: readonly Gift[];
  readonly emptied: ReadonlySet<number>;
  /** Regions of which nothing exact can be said until the next sample. */
  readonly disturbed: ReadonlySet<number>;
}

export interface Gift {
  readonly to: number;
  readonly giver: number;
}

export const NOTHING: Told = { given: [], possible: [], emptied: new Set(), disturbed: new Set() };

/** What a page of a frame belongs to: page `at` of a region of one folio, or what left `giver`. */
type Holding = { readonly region: number; readonly at: number } | { readonly giver: number };

/**
 * Follows a plan page by page. `known` is brought to where the moves put it, with the contents that were moved.
 */
export function tellOracle(
  known: Map<number, Known>,
  blocks: readonly { readonly region: number; readonly first: number }[],
  wishes: readonly Wish[],
  moves: readonly Move[],
  whole: (entry: number) => boolean,
): Told & { readonly followed: number; readonly followedLarge: number } {
  const holding = new Map<number, Holding>();
  const carried = new Set<number>();
  const disturbed = new Set<number>();
  const gave = new Set<number>();
  const arrivals: Move[] = [];
  const possible = new Map<number, ReadonlySet<number>>();
  const regionsAt = new Map<number, number[]>();

  // A smaller region lies within a larger one: it is the one that counts.
  const bySize = [...known].toSorted(([, a], [, b]) => b.names.length - a.names.length);
  for (const { region, first } of blocks) {
    for (let at = 0; at < BLOCK; at++) holding.set(first + at, { giver: region });
    for (let at = 0; at < BLOCK; at++) regionsAt.set(first + at, [region]);
  }
  for (const [region, { first, names }] of bySize)
    names.forEach((_, at) => {
      const outer = holding.get(first + at);
      if (outer && 'region' in outer) expectNothing(outer.region);
      holding.set(first + at, { region, at });
      regionsAt.set(first + at, [...(regionsAt.get(first + at) ?? []), region]);
    });

  /** Of two regions thought to be of one folio, at most one is. */
  function expectNothing(region: number): void {
    disturbed.add(region);
    const { first, names } = known.get(region)!;
    names.forEach((_, at) => holding.delete(first + at));
  }

  for (const move of moves) {
    const { from, to, pages, names } = move;
    forgetBroken(from, pages);
    const held = Array.from({ length: pages }, (_, at) => holding.get(from + at));
    for (let at = 0; at < pages; at++) holding.delete(from + at);
    forgetBroken(to, pages);
    bury(to, pages);
    notePossible(move);
    arrivals.push(move);
    held.forEach((what, at) => {
      if (!what) return;
      if ('giver' in what) {
        gave.add(what.giver);
        holding.set(to + at, what);
      } else settle(what, held, to + at, names[at]!);
    });
  }

  function notePossible({ from, to, pages }: Move): void {
    for (let at = 0; at < pages; at++)
      possible.set(
        to + at,
        new Set([...(regionsAt.get(from + at) ?? []), ...(possible.get(from + at) ?? [])]),
      );
  }

  /** Nobody follows the parts of a folio that was moved and then came apart. */
  function forgetBroken(first: number, pages: number): void {
    for (const arrival of [...arrivals]) {
      const isElsewhere = arrival.to + arrival.pages <= first || first + pages <= arrival.to;
      if (isElsewhere) continue;
      arrivals.splice(arrivals.indexOf(arrival), 1);
      if (arrival.to !== first || arrival.pages !== pages) bury(arrival.to, arrival.pages);
    }
  }

  /** What was at the frames a folio arrived at is not there any more. */
  function bury(to: number, pages: number): void {
    for (let at = 0; at < pages; at++) {
      const what = holding.get(to + at);
      holding.delete(to + at);
      if (what && 'region' in what) disturbed.add(what.region);
    }
  }

  function settle(
    { region, at }: { region: number; at: number },
    held: readonly (Holding | undefined)[],
    to: number,
    name: number,
  ): void {
    const size = known.get(region)!.names.length;
    const together = held.filter((what) => what && 'region' in what && what.region === region).length;
    if (together === size) {
      holding.set(to, { region, at });
      carried.add(region);
      known.set(region, { first: to - at, names: known.get(region)!.names.with(at, name) });
    } else if (carried.has(region)) {
      disturbed.add(region);
    } else {
      gave.add(region);
      disturbed.add(region);
      holding.set(to, { giver: region });
    }
  }

  const given = [...holding].flatMap(([to, what]) =>
    'giver' in what && moves.some((move) => move.to <= to && to < move.to + move.pages)
      ? [{ to, giver: what.giver }]
      : [],
  );
  const emptied = wishes.flatMap(({ region }, entry) => (whole(entry) && gave.has(region) ? [region] : []));
  const large = [...carried].filter((region) => known.get(region)!.names.length > 1);
  return {
    given,
    possible: [...possible].flatMap(([to, givers]) => [...givers].map((giver) => ({ to, giver }))),
    emptied: new Set(emptied),
    disturbed,
    followed: carried.size,
    followedLarge: large.length,
  };
}
