import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { CHUNK_REGIONS, COLUMNS, type ColumnName } from '../../runtime/contract.ts';
import { buildPolicy, type BuiltPolicy } from '../../runtime/policy/build/index.ts';
import { instantiateCore, type TestEpoch } from './core-policy.ts';
import { loadWithJco, type OracleColumn } from './jco-oracle.ts';

const root = join(import.meta.dirname, '../..');
let probe: BuiltPolicy;

beforeAll(async () => {
  const result = await buildPolicy({
    root,
    file: join(root, 'test/fixtures/policies/probe.ts'),
    target: 'scalar',
  });
  if (!result.ok) throw new Error(result.message);
  probe = result.value;
}, 60_000);

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const byte = fc.integer({ min: 0, max: 255 });
const short = fc.integer({ min: 0, max: 65_535 });
const names = Object.keys(COLUMNS) as ColumnName[];
const place = fc.record({
  tier: byte,
  kind: byte,
  state: byte,
  capacity: word,
  room: word,
  budget: word,
  latencyNs: word,
  bandwidthMib: word,
});
const epochs = fc.array(
  fc.record({
    regions: fc.constantFrom(0, 1, 5, 700, 1500, 3000),
    seed: word,
    number: word,
    lengthMs: word,
    samplingPeriod: word,
    owners: short,
    places: fc.array(place, { maxLength: 4 }),
    metrics: fc.array(fc.record({ id: short, subject: short, value: fc.double({ noNaN: true }) }), {
      maxLength: 3,
    }),
    events: fc.array(fc.record({ kind: byte, region: word, other: word }), { maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Columns of every kind, filled from a seed. */
function columnsOf(regions: number, seed: number): Required<TestEpoch['columns']> {
  let state = seed | 1;
  const next = () => (state = Math.imul(state, 1_664_525) + 1_013_904_223) >>> 8;
  const types = { bytes: Uint8Array, shorts: Uint16Array, words: Uint32Array } as const;
  const columns = names.map((name) => {
    const values = new types[COLUMNS[name].kind](regions);
    for (let i = 0; i < regions; i++) values[i] = next();
    return [name, values];
  });
  return Object.fromEntries(columns) as Required<TestEpoch['columns']>;
}

describe('the kit', () => {
  test("tells a policy what jco's glue tells it, and says what it answers", async () => {
    const oracle = await loadWithJco(probe.component);
    const core = instantiateCore(probe.core);
    const settings = { ratio: -2.5, count: 900, loud: false, word: 'wärmer ✓ 𝄞' };
    core.configure(settings);
    oracle.configure([
      { name: 'ratio', value: { tag: 'number', val: -2.5 } },
      { name: 'count', value: { tag: 'number', val: 900 } },
      { name: 'loud', value: { tag: 'truth', val: false } },
      { name: 'word', value: { tag: 'text', val: settings.word } },
    ]);
    fc.assert(
      fc.property(epochs, (questions) => {
        for (const { regions, seed, events, ...facts } of questions) {
          const columns = columnsOf(regions, seed);
          const happened = {
            kinds: Uint8Array.from(events, ({ kind }) => kind),
            regions: Uint32Array.from(events, ({ region }) => region),
            others: Uint32Array.from(events, ({ other }) => other),
          };
          oracle.begin({ ...facts, regions, events: happened });
          for (let first = 0; first < regions; first += 1024) {
            const count = Math.min(1024, regions - first);
            const part = names.map((name): OracleColumn => {
              const { id, kind } = COLUMNS[name];
              return { id, data: { tag: kind, val: columns[name].subarray(first, first + count) } };
            });
            oracle.observe({ first, count, columns: part });
          }
          const plan = core.ask({ ...facts, regions, events: happened, columns, chunkRegions: 1024 });
          expect(plan).toEqual(oracle.decide());
        }
      }),
      { numRuns: 60 },
    );
  });

  test('saves and restores, and refuses state of another version', async () => {
    const oracle = await loadWithJco(probe.component);
    expect(() => oracle.restore(7, Uint8Array.of(1, 2, 3, 4))).not.toThrow();
    expect(oracle.save()).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(() => oracle.restore(7, Uint8Array.of(1))).toThrow('four bytes, not 1');
    expect(() => oracle.restore(6, Uint8Array.of(1, 2, 3, 4))).toThrow('state of version 6 is unknown');
  });

  test('logs through the only import', () => {
    const core = instantiateCore(probe.core);
    core.configure({ loud: true, word: 'hot' });
    core.ask({ number: 3, regions: 0, samplingPeriod: 1, places: [], columns: {} });
    expect(core.log).toEqual(['1 epoch 3 hot']);
  });

  test('takes full chunks and drops plan entries beyond the limit', () => {
    const core = instantiateCore(probe.core);
    core.configure({});
    const regions = 4 * CHUNK_REGIONS + 5;
    const columns = { accesses: new Uint32Array(regions).fill(1) };
    const plan = core.ask({ number: 0, regions, samplingPeriod: 1, places: [], columns });
    expect(plan.regions.length).toBe(1_048_576);
    expect(plan.regions.at(-1)).toBe(1_048_575);
    expect(plan.targets.length).toBe(1_048_576);
  });

  test('says where it aborted', () => {
    const core = instantiateCore(probe.core);
    core.configure({});
    const ask = () => core.ask({ number: 0, regions: 3, samplingPeriod: 1, places: [], columns: {} });
    expect(ask).toThrow(WebAssembly.RuntimeError);
    expect(core.log[0]).toMatch(/^4 Index out of range \(~lib\/typedarray\.ts:\d+:\d+\)$/);
  });
});
