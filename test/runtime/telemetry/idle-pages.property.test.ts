import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REGION_FLAG } from '../../../runtime/contract.ts';
import { createRandom, type Random } from '../../../runtime/simulate/random.ts';
import { createIdlePageSource } from '../../../runtime/telemetry/sensor-idle-pages.ts';
import type { LookChoice } from '../../../runtime/telemetry/sensor-idle/idle-limits.ts';
import { readSample } from '../../../runtime/telemetry/sensor-messages.ts';
import type { SampleRows } from '../../../runtime/telemetry/source.ts';
import { repetitions } from '../../proof.ts';
import {
  createFrameMachine,
  PAGES_PER_MEMORY_BLOCK,
  type Folio,
  type FrameMachine,
} from './frame-machine.ts';

const BLOCK = 512;
const EPOCHS = 12;
const numRuns = repetitions({ slice: 30, full: 3_000 });

interface Row {
  readonly frame: number;
  readonly pages: number;
  readonly node: number;
  readonly accesses: number;
  readonly flags: number;
  readonly coverage: number;
}

interface Look {
  readonly rows: readonly Row[];
  /** Frames whose idle bit the source set when the epoch began, and that were folios then. */
  readonly marked: ReadonlySet<number>;
  /** Of these, the ones whose bit was gone when the epoch ended. */
  readonly accessed: ReadonlySet<number>;
  readonly machine: FrameMachine;
}

const scenes = fc.record({
  seed: fc.nat(),
  nodeOfBlock: fc.array(fc.constantFrom(0, 0, 1, -1), { minLength: 1, maxLength: 4 }),
  scoped: fc.boolean(),
});
type Scene = typeof scenes extends fc.Arbitrary<infer T> ? T : never;

/** Runs a source over a machine that lives its own life, and hands each look to a judge. */
async function live(
  { seed, nodeOfBlock, scoped }: Scene,
  choice: LookChoice,
  judge: (look: Look) => void,
): Promise<void> {
  const random = createRandom(seed);
  const machine = createFrameMachine([0, ...nodeOfBlock]);
  if (scoped) machine.scope = new Set([1]);
  let marked = new Set<number>();
  let marking = new Set<number>();
  const memory = {
    ...machine,
    cgroups: () => machine.scope,
    markIdle(first: number, lanes: Uint32Array) {
      for (let at = 0; at < lanes.length * 32; at++)
        if ((lanes[at >>> 5] >>> (at & 31)) & 1) marking.add(first * 64 + at);
      return machine.markIdle(first, lanes);
    },
  };
  const source = createIdlePageSource({
    ...{ ...choice, memory, samplingPeriod: 1, nowMs: () => 0, uniform: createRandom(seed + 1).uniform },
  });
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    change(machine, random);
    const accessed = new Set([...marked].filter((head) => !isIdle(machine, head)));
    const sample = await source.next();
    if (!sample.ok) throw new Error(sample.message);
    expect(readSample(sample.value)).toBeDefined();
    judge({ rows: listRows(sample.value.rows), marked, accessed, machine });
    marked = marking;
    marking = new Set();
  }
}

/** Births of folios of all orders, deaths, accesses: some to single folios, some to whole blocks. */
function change(machine: FrameMachine, { uniform }: Random): void {
  const frames = machine.nodeOfBlock.length * PAGES_PER_MEMORY_BLOCK;
  const below = (end: number) => Math.floor(uniform() * end);
  for (const head of [...machine.folios.keys()]) if (uniform() < 0.05) machine.free(head);
  for (let births = below(200); births > 0; births--) {
    const pages = uniform() < 0.8 ? 1 : 2 ** below(10);
    const head = below(frames / pages) * pages;
    const folio = {
      ...{ head, pages, file: uniform() < 0.3, fixed: uniform() < 0.1, cgroup: 1 + below(2) },
    };
    if (isFree(machine, folio)) machine.bear(folio);
  }
  for (const head of machine.folios.keys()) if (uniform() < 0.2) machine.touch(head);
  const hot = below(frames / BLOCK);
  for (const head of machine.folios.keys())
    if (Math.floor(head / BLOCK) === hot && uniform() < 0.9) machine.touch(head);
}

function isFree(machine: FrameMachine, { head, pages }: Folio): boolean {
  return Array.from({ length: pages }, (_, at) => head + at).every((frame) => machine.isFree(frame));
}

function listRows({ pageNumber, pages, node, accesses, flags, coverage }: SampleRows): Row[] {
  return Array.from(pageNumber, (frame, row) => ({
    ...{ frame, pages: pages[row], node: node[row], accesses: accesses[row] },
    ...{ flags: flags[row], coverage: coverage[row] },
  }));
}

const inScope = (machine: FrameMachine, head: number) => {
  const folio = machine.folios.get(head);
  return folio !== undefined && (machine.scope?.has(folio.cgroup) ?? true);
};
const isOnline = ({ nodeOfBlock }: FrameMachine, frame: number) =>
  nodeOfBlock[Math.floor(frame / PAGES_PER_MEMORY_BLOCK)] >= 0;

function isIdle(machine: FrameMachine, frame: number): boolean {
  const lanes = new Uint32Array(2);
  machine.readIdle(Math.floor(frame / 64), lanes);
  return ((lanes[(frame % 64) >>> 5] >>> (frame & 31)) & 1) === 1;
}

/** Every row lies in one block, on the node of its memory block; `readSample` found them disjoint. */
function expectPartition({ rows, machine }: Look): void {
  const strays = rows.filter(
    ({ frame, pages, node }) =>
      Math.floor(frame / BLOCK) !== Math.floor((frame + pages - 1) / BLOCK) ||
      node !== machine.nodeOfBlock[Math.floor(frame / PAGES_PER_MEMORY_BLOCK)],
  );
  expect(strays).toEqual([]);
}

/** Accesses and coverage are exactly what the marks and the machine say, in every mode. */
function expectTruth({ rows, marked, accessed, machine }: Look): void {
  const rowOf = new Map(
    rows.flatMap((row) => Array.from({ length: row.pages }, (_, at) => [row.frame + at, row] as const)),
  );
  const told = new Map<number, { accesses: number; coverage: number }>();
  for (const head of marked) {
    if (!inScope(machine, head) || !isOnline(machine, head)) continue;
    const row = rowOf.get(head);
    if (!row) throw new Error(`${head} was looked at and is in no row`);
    const accesses = (told.get(row.frame)?.accesses ?? 0) + Number(accessed.has(head));
    told.set(row.frame, { accesses, coverage: 255 });
  }
  const expected = rows.map((row) => ({ ...row, ...(told.get(row.frame) ?? { accesses: 0, coverage: 0 }) }));
  expect(rows).toEqual(expected);
}

/** The rows are the folios on LRU lists, no more and no fewer. */
function expectFolios({ rows, machine }: Look): void {
  const folios = [...machine.folios.values()]
    .filter(({ head }) => inScope(machine, head) && isOnline(machine, head))
    .toSorted((one, other) => one.head - other.head);
  expect(rows.map(({ frame, pages, flags }) => ({ frame, pages, flags }))).toEqual(
    folios.map(({ head, pages, file, fixed }) => ({
      frame: head,
      pages,
      flags:
        (pages === BLOCK ? REGION_FLAG.huge : 0) |
        (file ? REGION_FLAG.file : 0) |
        (fixed ? REGION_FLAG.unmovable : 0),
    })),
  );
}

describe('over a machine of births, deaths and accesses', () => {
  const check = (choice: LookChoice, judge: (look: Look) => void) =>
    fc.assert(
      fc.asyncProperty(scenes, (scene) =>
        live(scene, choice, (look) => {
          expectPartition(look);
          expectTruth(look);
          judge(look);
        }),
      ),
      { numRuns },
    );

  test('folios, all of them, are told exactly', () =>
    check({ mode: 'full', samplingShare: 1, regions: 'folios' }, expectFolios));

  test('folios, a share looked at', () =>
    check({ mode: 'sampled', samplingShare: 0.3, regions: 'folios' }, () => {}));

  test('blocks, all of them', () => check({ mode: 'full', samplingShare: 1, regions: 'blocks' }, () => {}));

  test('blocks, a share looked at', () =>
    check({ mode: 'sampled', samplingShare: 0.3, regions: 'blocks' }, ({ marked }) => {
      const blocks = new Set([...marked].map((frame) => Math.floor(frame / BLOCK)));
      expect(blocks.size).toBeLessThanOrEqual(2 * 0.3 * 10 + 2);
    }));
});
