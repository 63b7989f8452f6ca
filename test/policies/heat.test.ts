import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { EVENT, PLACE_KIND, type Place, type Plan, type Settings } from '../../runtime/contract.ts';
import { buildPolicy, type BuiltPolicy } from '../../runtime/policy/build/index.ts';
import { instantiateCore, type TestEpoch } from './core-policy.ts';
import { createHeatReference, type Entry, type HeatSettings } from './heat-reference.ts';
import { createMachine } from './two-tier-machine.ts';
import { repetitions } from '../proof.ts';

const root = join(import.meta.dirname, '../..');
let simd: BuiltPolicy;
let scalar: BuiltPolicy;
let defaults: Settings;

beforeAll(async () => {
  const file = join(root, 'policies/heat.ts');
  [simd, scalar] = (await Promise.all(['simd', 'scalar'].map((target) => built(file, target)))) as [
    BuiltPolicy,
    BuiltPolicy,
  ];
  defaults = Object.fromEntries(simd.manifest.settings.map((setting) => [setting.name, setting.default]));
}, 60_000);

async function built(file: string, target: string): Promise<BuiltPolicy> {
  const result = await buildPolicy({ root, file, target });
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function start(policy: BuiltPolicy, settings: Settings = {}) {
  const instance = instantiateCore(policy.core);
  instance.configure({ ...defaults, ...settings });
  return instance;
}

function entriesOf(plan: Plan): Entry[] {
  return [...plan.regions].map((region, i) => ({
    region,
    target: plan.targets[i]!,
    priority: plan.priorities[i]!,
    reason: plan.reasons[i]!,
  }));
}

const place: Place = {
  tier: 0,
  kind: PLACE_KIND.nodeWithCpus,
  state: 0,
  capacity: 1000,
  room: 1000,
  budget: 1000,
  latencyNs: 100,
  bandwidthMib: 0,
};
const slowPlace: Place = { ...place, tier: 1, latencyNs: 250 };

describe('heat on a machine of two tiers', () => {
  const hotPages = 16_384;
  const allPages = 65_536;
  const halfEpochs = 60;

  /** 64 MiB written every epoch, 192 MiB every twentieth; at half time another 64 MiB becomes the hot part. */
  function runScenario(policy: BuiltPolicy, samplingPeriod: number) {
    const heat = start(policy);
    const pages = new Uint32Array(allPages).fill(1);
    const machine = createMachine({ pages, fastLimit: 24_576, budget: 4096, capacity: 262_144 });
    const accesses = new Uint32Array(allPages);
    const isHot = (page: number, half: number) => Math.floor(page / hotPages) === half;
    return [0, 1].map((half) => {
      for (let step = 0; step < halfEpochs; step++) {
        const number = half * halfEpochs + step;
        for (let page = 0; page < allPages; page++) {
          accesses[page] = isHot(page, half) || (page * 7919 + number) % 20 === 0 ? 1 : 0;
        }
        const columns = { accesses, pages, place: machine.place, verdict: machine.verdict };
        machine.carryOut(
          heat.ask({ number, regions: allPages, samplingPeriod, places: machine.places(), columns }),
        );
      }
      const fast = [...machine.place.keys()].filter((page) => machine.place[page] === 0);
      const hotFast = fast.filter((page) => isHot(page, half)).length;
      return {
        hotShare: hotFast / hotPages,
        coldShare: (fast.length - hotFast) / (allPages - hotPages),
        moves: machine.moves,
        refused: machine.refused,
      };
    });
  }

  test.each([8, 15, 20])(
    'has the hot part in fast memory at the end of each half (period %i)',
    (samplingPeriod) => {
      const halves = runScenario(simd, samplingPeriod);
      for (const { hotShare, coldShare, refused } of halves) {
        expect(hotShare).toBeGreaterThanOrEqual(0.95);
        expect(coldShare).toBeLessThanOrEqual(0.05);
        expect(refused).toBe(0);
      }
      expect(halves[1]!.moves).toBeLessThanOrEqual(1.3 * 49_152);
    },
  );

  test('moves nothing where no benefit exceeds the cost, however much room there is', () => {
    expect(runScenario(simd, 2)[1]!.moves).toBe(0);
  });
});

describe('heat, epoch by epoch', () => {
  const regions = 20;
  const columns = (accesses: (region: number) => number, at: number, pages = 1) => ({
    accesses: Uint32Array.from({ length: regions }, (_, region) => accesses(region)),
    pages: new Uint32Array(regions).fill(pages),
    place: new Uint8Array(regions).fill(at),
    verdict: new Uint8Array(regions),
  });
  const settings = { halfLife: 0.5, warmup: 0, reservePercent: 0, birthEpochs: 0 };
  const epoch = (
    fast: Partial<Place>,
    values: TestEpoch['columns'],
    more: Partial<TestEpoch> = {},
  ): TestEpoch => ({
    number: 1,
    regions,
    samplingPeriod: 100,
    places: [{ ...place, ...fast }, slowPlace],
    columns: values,
    ...more,
  });

  test('asks for the hottest first, within room and budget', () => {
    const heat = start(simd, settings);
    const plan = heat.ask(
      epoch(
        { room: 5, budget: 3 },
        columns((region) => region * 10, 1),
      ),
    );
    expect([...plan.regions].sort((a, b) => a - b)).toEqual([17, 18, 19]);
    expect([...plan.targets]).toEqual([0, 0, 0]);
    expect([...plan.reasons]).toEqual([0, 0, 0]);
    expect(plan.priorities[2]).toBeGreaterThan(plan.priorities[0]!);
  });

  test('counts pages, and heat per page', () => {
    const heat = start(simd, settings);
    const values = columns((region) => (region === 3 ? 512 : 16), 1);
    values.pages[3] = 512;
    const plan = heat.ask(epoch({ room: 3 }, values));
    expect(plan.regions.length).toBe(3);
    expect(plan.regions).not.toContain(3);
  });

  test('leaves a region alone after a refusal of its own', () => {
    const heat = start(simd, { ...settings, pause: 2 });
    const values = columns((region) => (region === 7 ? 50 : 0), 1);
    const asked = [0, 24, 0, 0].map((verdict) => {
      values.verdict[7] = verdict;
      return heat.ask(epoch({}, values)).regions.length;
    });
    expect(asked).toEqual([1, 0, 0, 1]);
  });

  test('does not judge what it has not watched', () => {
    const heat = start(simd, { ...settings, warmup: 3 });
    const values = columns((region) => (region === 7 ? 50 : 0), 0);
    values.place[7] = 1;
    expect([0, 1, 2, 3].map(() => heat.ask(epoch({}, values)).regions.length)).toEqual([0, 0, 20, 20]);
    const events = {
      kinds: Uint8Array.of(EVENT.born),
      regions: Uint32Array.of(7),
      others: Uint32Array.of(0),
    };
    expect(heat.ask(epoch({}, values, { events })).regions).not.toContain(7);
  });

  test('moves back what it just moved only if that is clearly worth it', () => {
    const movesBack = (guard: number) => {
      const heat = start(simd, { ...settings, guard, keep: 1 });
      const hot = epoch(
        {},
        columns((region) => (region === 7 ? 10 : 0), 1),
        { samplingPeriod: 1 },
      );
      expect([...heat.ask(hot).regions]).toEqual([7]);
      const cold = columns(() => 0, 1);
      cold.place[7] = 0;
      return heat.ask(epoch({}, cold, { samplingPeriod: 1 })).regions.length === 1;
    };
    expect([1, 8].map(movesBack)).toEqual([true, false]);
  });

  test('ignores swap, draining places and places beyond', () => {
    const heat = start(simd, settings);
    const draining = { ...place, state: 1 };
    const swap = { ...slowPlace, kind: PLACE_KIND.swap };
    const values = columns(() => 50, 1);
    const plans = [
      [draining, slowPlace],
      [place, swap],
      [slowPlace, slowPlace],
    ].map((places) => heat.ask(epoch({}, values, { places })).regions.length);
    expect(plans).toEqual([0, 0, 0]);
  });

  test('follows regions that grow and shrink, in chunks of any size', () => {
    const heat = start(simd);
    for (const count of [0, 1, 300_000, 17, 0, 262_145, 5]) {
      const values = {
        accesses: new Uint32Array(count).fill(9),
        pages: new Uint32Array(count).fill(1),
        place: new Uint8Array(count).fill(1),
        verdict: new Uint8Array(count),
      };
      for (let n = 0; n < 6; n++) {
        const plan = heat.ask({
          number: n,
          regions: count,
          samplingPeriod: 100,
          places: [place, slowPlace],
          columns: values,
        });
        expect(plan.regions.every((region) => region < count)).toBe(true);
        if (n === 5) expect(plan.regions.length).toBe(Math.min(count, 990));
      }
    }
    expect(heat.log).toEqual([]);
  });
});

describe('heat against its plain reference', () => {
  const places = fc.array(
    fc.record({
      tier: fc.integer({ min: 0, max: 3 }),
      kind: fc.constantFrom(0, 0, 0, 0, 1, 2),
      state: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
      capacity: fc.constant(10_000),
      room: fc.integer({ min: 0, max: 600 }),
      budget: fc.integer({ min: 0, max: 400 }),
      latencyNs: fc.constantFrom(0, 80, 100, 170, 250),
      bandwidthMib: fc.constant(0),
    }),
    { minLength: 1, maxLength: 6, size: 'max' },
  );
  const region = fc.record({
    accesses: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 100_000 })),
    pages: fc.constantFrom(0, 1, 1, 1, 2, 16, 512),
    place: fc.constantFrom(0, 0, 1, 1, 2, 3, 5, 17, 255),
    verdict: fc.constantFrom(0, 0, 0, 0, 1, 16, 17, 24),
  });
  const settings: fc.Arbitrary<HeatSettings> = fc.record({
    halfLife: fc.constantFrom(0.5, 1),
    horizon: fc.constantFrom(1, 10, 100),
    moveCostNs: fc.constantFrom(500, 3000),
    latencyStepNs: fc.constant(150),
    keep: fc.constantFrom(0, 0.5, 1),
    reservePercent: fc.constantFrom(0, 1, 25),
    birthEpochs: fc.constantFrom(0, 1.5),
    hold: fc.constantFrom(0, 3, 127),
    guard: fc.constantFrom(1, 1.5, 8),
    pause: fc.constantFrom(0, 2, 255),
    warmup: fc.constantFrom(0, 0, 0, 2),
  });
  const event = fc.record({
    kind: fc.integer({ min: 0, max: 7 }),
    region: fc.integer({ min: 0, max: 90 }),
    other: fc.integer({ min: 0, max: 90 }),
  });
  const epoch = fc.record({
    rows: fc.array(region, { maxLength: 80, size: 'max' }),
    events: fc.array(event, { maxLength: 6 }),
    places,
    period: fc.constantFrom(1, 10, 1000),
    cost: fc.array(fc.constantFrom(0, 1000, 5000), { maxLength: 3 }),
    chunkRegions: fc.constantFrom(16, 23, 262_144),
  });

  test('plans the same, with vectors and without', () => {
    let planned = 0;
    fc.assert(
      fc.property(
        settings,
        fc.array(epoch, { minLength: 1, maxLength: 6, size: 'max' }),
        (chosen, epochs) => {
          const reference = createHeatReference(chosen);
          const vector = start(simd, { ...chosen });
          const plain = start(scalar, { ...chosen });
          epochs.forEach(({ rows, events, places: where, period, cost, chunkRegions }, number) => {
            const question: TestEpoch = {
              number,
              regions: rows.length,
              samplingPeriod: period,
              places: where,
              moveCostNs: cost.slice(0, where.length),
              events: {
                kinds: Uint8Array.from(events, ({ kind }) => kind),
                regions: Uint32Array.from(events, (one) => one.region),
                others: Uint32Array.from(events, ({ other }) => other),
              },
              chunkRegions,
              columns: {
                accesses: Uint32Array.from(rows, ({ accesses }) => accesses),
                pages: Uint32Array.from(rows, ({ pages }) => pages),
                place: Uint8Array.from(rows, (one) => one.place),
                verdict: Uint8Array.from(rows, ({ verdict }) => verdict),
              },
            };
            const answer = vector.ask(question);
            expect(plain.ask(question)).toEqual(answer);
            expect(entriesOf(answer)).toEqual(reference(question));
            planned += answer.regions.length;
          });
        },
      ),
      { numRuns: repetitions({ slice: 400, full: 20_000 }) },
    );
    expect(planned).toBeGreaterThan(1000);
  }, 120_000);
});

test('20,000 epochs need no more memory than a hundred', { timeout: 120_000 }, () => {
  const heat = start(simd, { warmup: 0, halfLife: 0.5 });
  const values = {
    accesses: Uint32Array.from({ length: 3000 }, (_, i) => i % 50),
    pages: new Uint32Array(3000).fill(1),
    place: new Uint8Array(3000).fill(1),
    verdict: new Uint8Array(3000),
  };
  const run = (epochs: number) => {
    for (let number = 0; number < epochs; number++) {
      heat.ask({
        number,
        regions: 2000 + (number % 1000),
        samplingPeriod: 100,
        places: [place, slowPlace],
        columns: values,
      });
    }
    return heat.memoryBytes();
  };
  expect(run(19_900)).toBe(run(1000));
});
