import fc from 'fast-check';
import type { Manifest, Settings } from '../../runtime/contract.ts';
import type { TestEpoch } from './core-policy.ts';

/** Numbers the manifest allows, often a default or a bound. */
export function anySettings({ settings }: Manifest): fc.Arbitrary<Settings> {
  return fc.record(
    Object.fromEntries(
      settings.map(({ name, type, default: usual, min = 0, max = 0 }) => {
        const any = type === 'integer' ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true });
        const small = type === 'integer' ? fc.nat(3) : fc.constantFrom(usual, Math.max(min, 0.5));
        return [
          name,
          fc.oneof({ weight: 3, arbitrary: small }, fc.constantFrom(usual, usual, min, max), any),
        ];
      }),
    ),
  );
}

/** Mostly `usual`, else anything that fits. */
function mostly(usual: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 30, arbitrary: usual },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff_ffff }) },
  );
}

const region = fc.record({
  accesses: mostly(fc.oneof(fc.constant(0), fc.nat(30), fc.nat(5000))),
  pages: mostly(fc.constantFrom(0, 1, 1, 1, 1, 2, 16, 512)),
  place: fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 3, 5, 15, 16, 255),
  verdict: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 16, 17, 19, 24, 255),
});
const place = fc.record({
  tier: fc.oneof(fc.nat(1), fc.nat(3), fc.nat(255)),
  kind: fc.constantFrom(0, 0, 0, 0, 1, 2),
  state: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2),
  capacity: fc.constant(10_000),
  room: mostly(fc.nat(600)),
  budget: mostly(fc.nat(400)),
  latencyNs: mostly(fc.constantFrom(0, 80, 100, 170, 250)),
  bandwidthMib: fc.constant(0),
});
const places = fc.oneof(
  fc.array(place, { maxLength: 20, size: 'max' }),
  fc.tuple(fc.nat(600), fc.nat(600), fc.nat(400)).map(([near, far, budget]) =>
    [near, far].map((room, tier) => ({
      ...{ tier, kind: 0, state: 0, capacity: 10_000, room, budget },
      ...{ latencyNs: 100 + 150 * tier, bandwidthMib: 0 },
    })),
  ),
);
const metric = fc.record({
  id: fc.constantFrom(0, 0, 0, 7),
  subject: fc.oneof(fc.nat(5), fc.constant(65_535)),
  value: fc.oneof(fc.constantFrom(0, 1000, 5000), fc.double()),
});
const event = fc.tuple(fc.constantFrom(0, 1, 1, 1, 2, 2, 3, 4, 5, 6), fc.nat(60), fc.nat(60));

const epoch = fc.record({
  rows: fc.array(region, { maxLength: 60, size: 'max' }),
  events: fc.array(event, { maxLength: 6 }),
  metrics: fc.array(metric, { maxLength: 3 }),
  elsewhere: fc.option(places, { freq: 8 }),
  samplingPeriod: mostly(fc.constantFrom(1, 10, 100, 1000)),
  chunkRegions: fc.constantFrom(16, 23, 262_144),
});

/** What a host could hand over, sensible or not: odd counts, places of any tier that may change, lying events. */
export const anyEpochs: fc.Arbitrary<readonly TestEpoch[]> = fc
  .tuple(places, fc.array(epoch, { minLength: 1, maxLength: 8, size: 'max' }))
  .map(([home, epochs]) =>
    epochs.map(({ rows, events, elsewhere, ...rest }, number) => ({
      ...rest,
      number,
      places: elsewhere ?? home,
      regions: rows.length,
      events: {
        kinds: Uint8Array.from(events, ([kind]) => kind),
        regions: Uint32Array.from(events, ([, one]) => one),
        others: Uint32Array.from(events, ([, , other]) => other),
      },
      columns: {
        accesses: Uint32Array.from(rows, ({ accesses }) => accesses),
        pages: Uint32Array.from(rows, ({ pages }) => pages),
        place: Uint8Array.from(rows, (one) => one.place),
        verdict: Uint8Array.from(rows, ({ verdict }) => verdict),
      },
    })),
  );
