import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERDICT } from '../../../executor/verdict.ts';
import { EVENT } from '../../../runtime/contract.ts';
import { unseenSamplesMax } from '../../../runtime/limits.ts';
import { createRegionTable } from '../../../runtime/region-table.ts';
import { createRandom } from '../../../runtime/simulate/random.ts';
import type { Sample } from '../../../runtime/telemetry/source.ts';
import { listEvents } from './frame-samples.ts';
import { BLOCK, createFrameWorld, type Pick } from './frame-world.ts';
import { NOTHING, tellOracle, type Gift, type Known, type Told } from './tell-oracle.ts';

const EPOCHS = 30;

type Change = readonly [kind: number, region: number, other: number];

function run(seed: number): Record<string, number> {
  const random = createRandom(seed);
  const pick: Pick = (below) => Math.floor(random.uniform() * below);
  const world = createFrameWorld(pick);
  const table = createRegionTable();
  const living = new Set<number>();
  /** Where regions of one folio are, and their contents by page. */
  let known = new Map<number, Known>();
  /** Regions whose contents gave way to others that no look has shown since. */
  const misled = new Set<number>();
  const vacatedAt = new Map<number, number>();
  const seen = { followed: 0, large: 0, scattered: 0, split: 0, merged: 0, unseen: 0, lost: 0, emptied: 0 };
  let told: Told & { isLost?: boolean } = NOTHING;

  for (let i = pick(40); i >= 0; i--) world.meddle();
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    for (let i = pick(6); i > 0; i--) world.meddle();
    const sample = world.sample();
    const rowRegion = new Uint32Array(sample.rows.pages.length);
    const events = table.update(sample, epoch, rowRegion);
    if (!events.ok) throw new Error(events.message);
    const changes = listEvents(events.value);
    replay(changes, living);
    expect(new Set(table.pages.keys().filter((region) => table.pages[region]! > 0))).toEqual(living);
    checkEndings(changes);
    checkFolios(epoch, sample);
    checkCredits(changes, sample, rowRegion);
    seen.unseen += table.unseen.length;
    world.silent.clear();
    told = plan(epoch);
  }
  return seen;

  function framesOf({ first, names }: Known): number[] {
    return names.map((_, at) => first + at);
  }

  /** The region of a folio does not end while its contents are where the table was told. */
  function checkEndings(changes: readonly Change[]): void {
    for (const [kind, region, other] of changes) {
      const ended = kind === EVENT.died ? region : kind === EVENT.merged ? other : undefined;
      const was = ended === undefined ? undefined : known.get(ended);
      if (ended === undefined || !was) continue;
      if (kind === EVENT.merged) {
        seen.merged++;
        if (living.has(region)) expect(covers(region, was.first)).toBe(true);
      } else if (!told.disturbed.has(ended) && !misled.has(ended)) {
        const isThere = framesOf(was).every(
          (frame, at) =>
            was.names[at] !== undefined &&
            world.contents.get(frame) === was.names[at] &&
            !world.silent.has(frame),
        );
        expect([ended, isThere]).toEqual([ended, false]);
      }
    }
  }

  function covers(region: number, frame: number): boolean {
    const first = table.pageNumber[region]!;
    return first <= frame && frame < first + table.pages[region]!;
  }

  /** An index that lives on denotes the same contents, unless they changed behind everybody's back. */
  function checkFolios(epoch: number, { rows }: Sample): void {
    const shown = new Set(rows.pageNumber.filter((_, row) => rows.coverage[row]! > 0));
    const before = known;
    known = new Map();
    for (const region of living) {
      if (table.pages[region]! >= BLOCK) continue;
      const first = table.pageNumber[region]!;
      const names = Array.from({ length: table.pages[region]! }, (_, at) => world.contents.get(first + at));
      const was = before.get(region);
      if (was && !told.disturbed.has(region)) {
        names.forEach((name, at) => {
          if (at >= was.names.length || world.silent.has(first + at)) return;
          expect([region, first, at, name]).toEqual([region, was.first, at, was.names[at]]);
        });
      } else if (!told.isLost && table.born[region] === epoch && names.every((name) => name === undefined)) {
        const vacated = Math.min(...names.map((_, at) => vacatedAt.get(first + at) ?? -Infinity));
        expect(vacated).toBeLessThan(epoch - unseenSamplesMax);
      }
      if (shown.has(first)) misled.delete(region);
      else if (names.some((name, at) => name !== was?.names[at])) misled.add(region);
      known.set(region, { first, names });
    }
    const places = [...known.values()].map(({ first, names }) => `${first}+${names.length}`);
    expect(new Set(places).size).toBe(places.length);
  }

  /** Credits name the regions that hold, by this sample, what left a region, and nobody else. */
  function checkCredits(changes: readonly Change[], { rows }: Sample, rowRegion: Uint32Array): void {
    const pairsOf = (gifts: readonly Gift[]) =>
      gifts.flatMap(({ to, giver }) => {
        const row = rows.pageNumber.findIndex((first, at) => first <= to && to < first + rows.pages[at]!);
        const isNone = row < 0 || rowRegion[row] === table.regions || rowRegion[row] === giver;
        return isNone ? [] : [`${giver} to ${rowRegion[row]}`];
      });
    const expected = new Set(pairsOf(told.given));
    const possible = new Set(pairsOf(told.possible));
    const split = changes.filter(([kind]) => kind === EVENT.split).map(([, from, to]) => `${from} to ${to}`);
    const scattered = changes
      .filter(([kind]) => kind === EVENT.scattered)
      .map(([, to, from]) => `${from} to ${to}`);
    expect(new Set(scattered).size).toBe(scattered.length);
    expect(scattered.filter((pair) => !possible.has(pair))).toEqual([]);
    expect([...expected].filter((pair) => !scattered.includes(pair) && !split.includes(pair))).toEqual([]);
    for (const region of told.emptied) expect(living.has(region)).toBe(false);
    seen.scattered += scattered.length;
    seen.split += split.length;
    seen.emptied += told.emptied.size;
  }

  function plan(epoch: number): Told & { isLost: boolean } {
    const wishes = [...living]
      .filter(() => pick(4) === 0)
      .map((region) => ({ region, first: table.pageNumber[region]!, pages: table.pages[region]! }));
    const blocks = [...living]
      .filter((region) => table.pages[region]! >= BLOCK)
      .map((region) => ({ region, first: table.pageNumber[region]! }));
    const { carried, moves } = world.carryOut(wishes, 1 + pick(6));
    if (pick(8) === 0) {
      table.doubt(carried.regions);
      for (const { from, to, pages } of moves)
        for (let at = 0; at < pages; at++) world.silent.add(from + at).add(to + at);
      seen.lost++;
      return { ...NOTHING, disturbed: new Set(carried.regions), isLost: true };
    }
    table.follow(carried);
    for (const { from, pages } of moves) for (let at = 0; at < pages; at++) vacatedAt.set(from + at, epoch);
    const whole = (entry: number) => carried.verdicts[entry] === VERDICT.moved;
    const answer = tellOracle(known, blocks, wishes, moves, whole);
    seen.followed += answer.followed;
    seen.large += answer.followedLarge;
    return { ...answer, isLost: false };
  }
}

/** Follows the living by events alone; each event must make sense when its turn comes. */
function replay(changes: readonly Change[], living: Set<number>): void {
  const ended = new Set<number>();
  for (const [kind, region, other] of changes) {
    const newborn = kind === EVENT.born ? region : kind === EVENT.split ? other : undefined;
    const gone = kind === EVENT.died ? region : kind === EVENT.merged ? other : undefined;
    if (kind !== EVENT.born) expect(living.has(region)).toBe(true);
    if (kind === EVENT.merged || kind === EVENT.scattered) expect(living.has(other)).toBe(true);
    if (newborn !== undefined) {
      expect(living.has(newborn) || ended.has(newborn)).toBe(false);
      living.add(newborn);
    }
    if (gone === undefined) continue;
    living.delete(gone);
    ended.add(gone);
  }
}

describe('region identity in physical space', () => {
  test('agrees with an oracle of contents, whatever machine, sensor and executor do', () => {
    const total: Record<string, number> = {};
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        for (const [name, count] of Object.entries(run(seed))) total[name] = (total[name] ?? 0) + count;
      }),
      { numRuns: 400 },
    );
    // Whatever is tested above must have happened.
    for (const [name, count] of Object.entries(total)) expect([name, count > 100]).toEqual([name, true]);
  });
});
