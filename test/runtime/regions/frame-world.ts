import { SPACE, type FrameMoves } from '../../../executor/plan.ts';
import { VERDICT } from '../../../executor/verdict.ts';
import { unseenSamplesMax } from '../../../runtime/limits.ts';
import type { CarriedPlan } from '../../../runtime/regions/carry-folios.ts';
import type { Sample } from '../../../runtime/telemetry/source.ts';

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

/**
 * A machine of two nodes whose frames hold contents with names of their own, and a sensor that looks at some
 * blocks in an epoch and repeats of the others what it saw last.
 */
export function createFrameWorld(pick: Pick) {
  const contents = new Map<number, number>();
  /** Frames whose contents changed without anybody being told. */
  const silent = new Set<number>();
  const listed = Array.from({ length: BLOCKS }, (): number[] => []);
  const staleness = new Uint8Array(BLOCKS).fill(unseenSamplesMax);
  const coarse = Array.from({ length: BLOCKS }, () => pick(3) === 0);
  /** The larger, the longer a sensor's lists grow old. */
  const laziness = 1 + pick(8);
  let names = 0;

  const nodeOf = (frame: number) => Math.floor(frame / (FRAMES / 2));
  const used = () => [...contents.keys()];
  const unused = (node?: number) =>
    Array.from({ length: FRAMES }, (_, frame) => frame).filter(
      (frame) => !contents.has(frame) && (node === undefined || nodeOf(frame) === node),
    );

  function put(frame: number | undefined, name: number): void {
    if (frame === undefined) return;
    contents.set(frame, name);
    silent.add(frame);
  }

  /** First touch, free, free and use again, or a migration of the kernel's own. */
  function meddle(): void {
    const deed = pick(6);
    const frame = used()[pick(contents.size)];
    const free = unused();
    if (deed < 2 || frame === undefined) return put(free[pick(free.length)], names++);
    if (deed === 2) return put(frame, names++);
    if (deed === 3 && free.length > 0) put(free[pick(free.length)], contents.get(frame)!);
    contents.delete(frame);
    silent.add(frame);
  }

  function look(block: number): void {
    listed[block] = used()
      .filter((frame) => Math.floor(frame / BLOCK) === block)
      .toSorted((a, b) => a - b);
    staleness[block] = 0;
  }

  function sample(): Sample {
    const rows: { first: number; pages: number; coverage: number }[] = [];
    for (let block = 0; block < BLOCKS; block++) {
      if (pick(12) === 0) coarse[block] = !coarse[block];
      const fresh = staleness[block]! >= unseenSamplesMax || pick(laziness) === 0;
      if (fresh) look(block);
      else staleness[block]!++;
      const coverage = fresh ? 255 : 0;
      if (!coarse[block]) for (const first of listed[block]!) rows.push({ first, pages: 1, coverage });
      else if (listed[block]!.length > 0) rows.push({ first: block * BLOCK, pages: BLOCK, coverage });
    }
    return {
      lengthMs: 1000,
      samplingPeriod: 1,
      space: SPACE.physical,
      owners: [],
      rows: {
        owner: new Uint16Array(rows.length),
        pageNumber: Float64Array.from(rows, ({ first }) => first),
        pages: Uint32Array.from(rows, ({ pages }) => pages),
        node: Uint8Array.from(rows, ({ first }) => nodeOf(first)),
        accesses: new Uint32Array(rows.length),
        writes: new Uint32Array(rows.length),
        flags: new Uint8Array(rows.length),
        coverage: Uint8Array.from(rows, ({ coverage }) => coverage),
      },
    };
  }

  /** Moves what is there, in any order and with any luck, while the machine goes on meddling. */
  function carryOut(wishes: readonly Wish[], luckOf: number) {
    const verdicts = wishes.map((): number => VERDICT['not-present']);
    const moves: { entry: number; from: number; to: number; name: number }[] = [];
    for (const entry of shuffle(wishes.map((_, at) => at))) {
      const { first, pages } = wishes[entry]!;
      const target = 1 - nodeOf(first);
      const present = used().filter((frame) => frame >= first && frame < first + pages);
      for (const from of shuffle(present)) {
        if (pick(10) === 0) meddle();
        const name = contents.get(from);
        const room = unused(target);
        const moved = name !== undefined && room.length > 0 && pick(luckOf) > 0;
        if (verdicts[entry] !== VERDICT.busy) verdicts[entry] = moved ? VERDICT.moved : VERDICT.busy;
        if (!moved) continue;
        const to = room[pick(Math.min(room.length, 4))]!;
        contents.delete(from);
        contents.set(to, name);
        // What the runtime hears of is no secret, whatever befell these frames before.
        silent.delete(from);
        silent.delete(to);
        moves.push({ entry, from, to, name });
      }
    }
    const frames: FrameMoves = {
      entry: Uint32Array.from(moves, ({ entry }) => entry),
      from: Float64Array.from(moves, ({ from }) => from),
      to: Float64Array.from(moves, ({ to }) => to),
      pages: new Uint32Array(moves.length).fill(1),
    };
    const carried: CarriedPlan = {
      regions: Uint32Array.from(wishes, ({ region }) => region),
      target: Uint8Array.from(wishes, ({ first }) => 1 - nodeOf(first)),
      verdicts: Uint8Array.from(verdicts),
      frames,
    };
    return { carried, moves };
  }

  function shuffle<T>(values: readonly T[]): T[] {
    const left = [...values];
    return values.map(() => left.splice(pick(left.length), 1)[0]!);
  }

  return { contents, silent, meddle, sample, carryOut };
}
