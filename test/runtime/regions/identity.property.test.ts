import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERDICT } from '../../../executor/verdict.ts';
import { EVENT } from '../../../runtime/contract.ts';
import { unseenSamplesMax } from '../../../runtime/limits.ts';
import { createRegionTable } from '../../../runtime/region-table.ts';
import { createRandom } from '../../../runtime/simulate/random.ts';
import type { Sample } from '../../../runtime/telemetry/source.ts';
import { listEvents } from './frame-samples.ts';
import { createFrameWorld, type Pick } from './frame-world.ts';

const EPOCHS = 30;

type Change = readonly [kind: number, region: number, other: number];

/** What the last plan did, as far as the table was told. */
interface Told {
  /** Frames that hold what left blocks. */
  readonly given: readonly { readonly to: number; readonly giver: number }[];
  readonly emptied: ReadonlySet<number>;
  readonly doubted: ReadonlySet<number>;
}

/** What a frame holds: a region of one page, or part of a block. */
interface Holding {
  readonly single?: number;
  readonly giver?: number;
}

const NOTHING: Told = { given: [], emptied: new Set(), doubted: new Set() };

function run(seed: number): Record<string, number> {
  const random = createRandom(seed);
  const pick: Pick = (below) => Math.floor(random.uniform() * below);
  const world = createFrameWorld(pick);
  const table = createRegionTable();
  const living = new Set<number>();
  /** Contents by index, and frame by index, of regions of one page. */
  const denotes = new Map<number, number | undefined>();
  const frameOf = new Map<number, number>();
  /** Regions whose contents gave way to others that no look has shown since. */
  const misled = new Set<number>();
  const vacatedAt = new Map<number, number>();
  const seen = { followed: 0, scattered: 0, split: 0, merged: 0, unseen: 0, lost: 0, emptied: 0 };
  let told = NOTHING;

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
    checkSingles(epoch, sample);
    checkCredits(changes, sample, rowRegion);
    seen.unseen += table.unseen.length;
    world.silent.clear();
    told = plan(epoch);
  }
  return seen;

  /** A region of one page does not end while its contents are where the table was told. */
  function checkEndings(changes: readonly Change[]): void {
    for (const [kind, region, other] of changes) {
      const ended = kind === EVENT.died ? region : kind === EVENT.merged ? other : undefined;
      if (ended === undefined || denotes.get(ended) === undefined) continue;
      const frame = frameOf.get(ended)!;
      if (kind === EVENT.merged) {
        seen.merged++;
        if (living.has(region)) expect(covers(region, frame)).toBe(true);
      } else if (!world.silent.has(frame) && !told.doubted.has(ended) && !misled.has(ended)) {
        expect([ended, world.contents.get(frame)]).not.toEqual([ended, denotes.get(ended)]);
      }
    }
  }

  function covers(region: number, frame: number): boolean {
    const first = table.pageNumber[region]!;
    return table.pages[region]! > 1 && first <= frame && frame < first + table.pages[region]!;
  }

  /** An index that lives on denotes the same contents, unless they changed behind everybody's back. */
  function checkSingles(epoch: number, { rows }: Sample): void {
    const shown = new Set(rows.pageNumber.filter((_, row) => rows.coverage[row]! > 0));
    const before = new Map(denotes);
    denotes.clear();
    frameOf.clear();
    for (const region of living) {
      if (table.pages[region] !== 1) continue;
      const frame = table.pageNumber[region]!;
      const name = world.contents.get(frame);
      if (before.has(region)) {
        if (!world.silent.has(frame)) expect([region, name]).toEqual([region, before.get(region)]);
      } else if (name === undefined && table.born[region] === epoch)
        expect(vacatedAt.get(frame) ?? -Infinity).toBeLessThan(epoch - unseenSamplesMax);
      if (shown.has(frame)) misled.delete(region);
      else if (name !== before.get(region)) misled.add(region);
      denotes.set(region, name);
      frameOf.set(region, frame);
    }
    expect(new Set(frameOf.values()).size).toBe(frameOf.size);
  }

  /** Credits name the regions that hold, by this sample, what left a block, and nobody else. */
  function checkCredits(changes: readonly Change[], { rows }: Sample, rowRegion: Uint32Array): void {
    const expected = new Set<string>();
    for (const { to, giver } of told.given) {
      const row = rows.pageNumber.findIndex((first, at) => first <= to && to < first + rows.pages[at]!);
      if (row < 0 || rowRegion[row] === table.regions) continue;
      if (rowRegion[row] !== giver) expected.add(`${giver} to ${rowRegion[row]}`);
    }
    const split = changes.filter(([kind]) => kind === EVENT.split).map(([, from, to]) => `${from} to ${to}`);
    const scattered = changes
      .filter(([kind]) => kind === EVENT.scattered)
      .map(([, to, from]) => `${from} to ${to}`);
    expect(new Set(scattered).size).toBe(scattered.length);
    expect(new Set([...scattered, ...split.filter((pair) => expected.has(pair))])).toEqual(expected);
    for (const region of told.emptied) expect(living.has(region)).toBe(false);
    seen.scattered += scattered.length;
    seen.split += split.length;
    seen.emptied += told.emptied.size;
  }

  function plan(epoch: number): Told {
    const candidates = [...living].filter(() => pick(4) === 0);
    const wishes = candidates.map((region) => ({
      region,
      first: table.pageNumber[region]!,
      pages: table.pages[region]!,
    }));
    const { carried, moves } = world.carryOut(wishes, 1 + pick(6));
    if (pick(8) === 0) {
      table.doubt(carried.regions);
      for (const { from, to } of moves) world.silent.add(from).add(to);
      seen.lost++;
      return { ...NOTHING, doubted: new Set(carried.regions) };
    }
    table.follow(carried);
    /** Whose contents are where, as far as the table can know, move by move. */
    const holder = new Map<number, Holding>([...frameOf].map(([single, frame]) => [frame, { single }]));
    const emptied = new Set<number>();
    for (const { entry, from, to, name } of moves) {
      const { region, pages } = wishes[entry]!;
      const held = holder.get(from) ?? (pages > 1 ? { giver: region } : {});
      vacatedAt.set(from, epoch);
      holder.delete(from);
      holder.set(to, held);
      if (held.single !== undefined) {
        denotes.set(held.single, name);
        frameOf.set(held.single, to);
        seen.followed++;
      }
      if (held.giver === region && carried.verdicts[entry] === VERDICT.moved) emptied.add(region);
    }
    const given = [...holder].flatMap(([to, { giver }]) => (giver === undefined ? [] : [{ to, giver }]));
    return { given, emptied, doubted: new Set() };
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
      { numRuns: 300 },
    );
    // Whatever is tested above must have happened.
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(100);
  });
});
