import { VERDICT } from '../../../executor/verdict.ts';
import { unseenSamplesMax } from '../../../runtime/limits.ts';
import type { CarriedPlan } from '../../../runtime/regions/carry-folios.ts';
import type { Sample } from '../../../runtime/telemetry/source.ts';
import { carriedPlan, framesOf as framesSample } from './frame-samples.ts';

export const BLOCK = 8;
const BLOCKS = 8;
const FRAMES = BLOCK * BLOCKS;

export type Pick = (below: number) => number;

/** Frames from `first` on, thought to belong to a region, that a plan wants on another node. */
export interface Wish {
  readonly region: number;
  readonly first: number;
  readonly pages: number;
}

/** A folio that changed its frame. */
export interface Move {
  readonly entry: number;
  readonly from: number;
  readonly to: number;
  readonly pages: number;
  /** Of its contents, by page. */
  readonly names: readonly number[];
}

interface Folio {
  readonly head: number;
  readonly pages: number;
}

interface Row extends Folio {
  readonly isLooked: boolean;
}

/**
 * A machine of two nodes whose frames hold contents with names of their own, in folios of 1 to 4 pages, and a
 * sensor that looks at some blocks in an epoch and repeats of the others what it saw last.
 */
export function createFrameWorld(pick: Pick) {
  const contents = new Map<number, number>();
  /** Pages by head frame. */
  const folios = new Map<number, number>();
  /** Frames whose contents changed without anybody being told. */
  const silent = new Set<number>();
  const listed = Array.from({ length: BLOCKS }, (): Folio[] => []);
  const staleness = new Uint8Array(BLOCKS).fill(unseenSamplesMax);
  const coarse = Array.from({ length: BLOCKS }, () => pick(3) === 0);
  /** The larger, the longer a sensor's lists grow old. */
  const laziness = 1 + pick(8);
  let names = 0;

  const nodeOf = (frame: number) => Math.floor(frame / (FRAMES / 2));
  const framesOf = ({ head, pages }: Folio) => Array.from({ length: pages }, (_, at) => head + at);
  const list = (): Folio[] => [...folios].map(([head, pages]) => ({ head, pages }));
  const sizeOf = () => [1, 1, 1, 2, 4][pick(5)]!;

  /** Where a folio could be put, or undefined. */
  function findRoom(pages: number, node?: number): Folio | undefined {
    const heads = Array.from({ length: FRAMES / pages }, (_, at) => at * pages).filter(
      (head) =>
        (node === undefined || nodeOf(head) === node) &&
        framesOf({ head, pages }).every((frame) => !contents.has(frame)),
    );
    // Few frames are taken again and again, as by a real allocator.
    return heads.length > 0 ? { head: heads[pick(Math.min(heads.length, 6))]!, pages } : undefined;
  }

  function take(folio: Folio): number[] {
    folios.delete(folio.head);
    return framesOf(folio).map((frame) => {
      const name = contents.get(frame)!;
      contents.delete(frame);
      silent.add(frame);
      return name;
    });
  }

  function put(folio: Folio | undefined, of?: readonly number[]): void {
    if (!folio) return;
    folios.set(folio.head, folio.pages);
    framesOf(folio).forEach((frame, at) => {
      contents.set(frame, of?.[at] ?? names++);
      silent.add(frame);
    });
  }

  /** First touch, free, free and use again, or the kernel splits or migrates a folio of its own accord. */
  function meddle(): void {
    const deed = pick(7);
    const folio = list()[pick(folios.size)];
    if (deed < 2 || !folio) put(findRoom(sizeOf()));
    else if (deed === 2) {
      take(folio);
      put(folio);
    } else if (deed === 3) put(findRoom(folio.pages), take(folio));
    else if (deed === 4) split(folio);
    else take(folio);
  }

  function split(folio: Folio): void {
    for (const frame of framesOf(folio)) folios.set(frame, 1);
  }

  function look(block: number): void {
    listed[block] = list()
      .filter(({ head }) => Math.floor(head / BLOCK) === block)
      .toSorted((a, b) => a.head - b.head);
    staleness[block] = 0;
  }

  function sample(): Sample {
    const rows: Row[] = [];
    for (let block = 0; block < BLOCKS; block++) {
      if (pick(12) === 0) coarse[block] = !coarse[block];
      const isLooked = staleness[block]! >= unseenSamplesMax || pick(laziness) === 0;
      if (isLooked) look(block);
      else staleness[block]!++;
      if (!coarse[block]) for (const folio of listed[block]!) rows.push({ ...folio, isLooked });
      else if (listed[block]!.length > 0) rows.push({ head: block * BLOCK, pages: BLOCK, isLooked });
    }
    return framesSample(
      rows.map(({ head, pages, isLooked }) => [head, pages, isLooked ? 'looked' : 'listed']),
    );
  }

  /** Moves what is there, in any order and with any luck, while the machine goes on meddling. */
  function carryOut(wishes: readonly Wish[], luckOf: number) {
    const verdicts = wishes.map((): number => VERDICT['not-present']);
    const moves: Move[] = [];

    function move(entry: number, folio: Folio, target: number): boolean {
      const room = pick(luckOf) > 0 ? findRoom(folio.pages, target) : undefined;
      if (!room) return false;
      const taken = take(folio);
      moves.push({ entry, from: folio.head, to: room.head, pages: folio.pages, names: taken });
      put(room, taken);
      // What the runtime hears of is no secret, whatever befell these frames before.
      for (const frame of [...framesOf(folio), ...framesOf(room)]) silent.delete(frame);
      return true;
    }

    for (const entry of shuffle(wishes.map((_, at) => at))) {
      const { first, pages } = wishes[entry]!;
      const target = 1 - nodeOf(first);
      const present = list().filter(({ head, pages: size }) => head < first + pages && head + size > first);
      for (const folio of shuffle(present)) {
        if (pick(10) === 0) meddle();
        const isThere = folios.get(folio.head) === folio.pages;
        const isBroken = isThere && folio.pages > 1 && pick(3) === 0;
        if (isBroken) split(folio);
        const parts = isBroken ? framesOf(folio).map((head) => ({ head, pages: 1 })) : [folio];
        const moved = isThere && parts.filter((part) => move(entry, part, target)).length === parts.length;
        if (verdicts[entry] !== VERDICT.busy) verdicts[entry] = moved ? VERDICT.moved : VERDICT.busy;
      }
    }
    const carried: CarriedPlan = {
      ...carriedPlan(
        wishes.map(({ region }) => region),
        moves.map(({ entry, from, to, pages }) => [entry, from, to, pages]),
        verdicts,
      ),
      target: Uint8Array.from(wishes, ({ first }) => 1 - nodeOf(first)),
    };
    return { carried, moves };
  }

  function shuffle<T>(values: readonly T[]): T[] {
    const left = [...values];
    return values.map(() => left.splice(pick(left.length), 1)[0]!);
  }

  return { contents, silent, meddle, sample, carryOut };
}
