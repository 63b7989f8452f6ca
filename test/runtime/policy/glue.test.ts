import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { CHUNK_REGIONS, COLUMNS } from '../../../runtime/contract.ts';
import type { ColumnArray, ColumnName, Settings, Snapshot } from '../../../runtime/contract.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import { loadWithJco } from '../../policies/jco-oracle.ts';
import type { OracleColumn, OraclePlan, OraclePolicy } from '../../policies/jco-oracle.ts';
import { repetitions, timeoutMs } from '../../proof.ts';
import { MANIFEST, bundleHost, compile, componentOf, snapshotOf, specimenSource } from './specimen.ts';

let component: Uint8Array;
let hostFile: string;

beforeAll(async () => {
  component = await componentOf(await compile(specimenSource()), {
    manifest: { ...MANIFEST, columns: Object.keys(COLUMNS).toReversed() },
  });
  hostFile = await bundleHost();
}, timeoutMs(60_000));

/** The same policy behind our glue, in a host, and behind jco's, right here. */
async function loadBoth(settings: Settings): Promise<{ ours: HostedPolicy; theirs: OraclePolicy }> {
  const ours = await loadPolicy({ policy: component, settings, launch: launchChild(hostFile) });
  if (!ours.ok) throw new Error(ours.message);
  const theirs = await loadWithJco(component);
  theirs.configure(
    MANIFEST.settings.map(({ name }) => {
      const val = ours.value.settings[name]!;
      const tag = typeof val === 'number' ? 'number' : typeof val === 'string' ? 'text' : 'truth';
      return { name, value: { tag, val } };
    }),
  );
  return { ours: ours.value, theirs };
}

function askTheirs(policy: OraclePolicy, snapshot: Snapshot): OraclePlan {
  const { columns, ...epoch } = snapshot;
  policy.begin(epoch);
  for (let first = 0; first < snapshot.regions; first += CHUNK_REGIONS) {
    const count = Math.min(CHUNK_REGIONS, snapshot.regions - first);
    policy.observe({ first, count, columns: oracleColumns(columns, first, count) });
  }
  return policy.decide();
}

const ARRAYS = { bytes: Uint8Array, shorts: Uint16Array, words: Uint32Array, floats: Float32Array };

function oracleColumns(columns: Snapshot['columns'], first: number, count: number): OracleColumn[] {
  return Object.entries(COLUMNS)
    .map(([name, { id, kind }]) => {
      const column = columns[name as ColumnName] as ColumnArray | undefined;
      return {
        id,
        data: { tag: kind, val: column?.subarray(first, first + count) ?? new ARRAYS[kind](count) },
      };
    })
    .toSorted((a, b) => a.id - b.id);
}

const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65_535 });
const u32 = fc.integer({ min: 0, max: 4_294_967_295 });
const place = fc.record({
  tier: u8,
  kind: u8,
  state: u8,
  capacity: u32,
  room: u32,
  budget: u32,
  latencyNs: u32,
  bandwidthMib: u32,
});
const events = fc.array(fc.tuple(u8, u32, u32), { maxLength: 50 }).map((rows) => ({
  kinds: Uint8Array.from(rows, ([kind]) => kind),
  regions: Uint32Array.from(rows, ([, region]) => region),
  others: Uint32Array.from(rows, ([, , other]) => other),
}));
const columns = fc.dictionary(fc.constantFrom(...(Object.keys(COLUMNS) as ColumnName[])), u16);
const metric = fc.record({ id: u16, subject: u16, value: fc.double({ noNaN: true }) });
const snapshots: fc.Arbitrary<Snapshot> = fc
  .record({
    regions: fc.nat(3000),
    seeds: columns,
    number: u32,
    lengthMs: u32,
    owners: u16,
    samplingPeriod: u32,
    events,
    places: fc.array(place, { maxLength: 255 }),
    metrics: fc.array(metric, { maxLength: 20 }),
  })
  .map(({ regions, seeds, ...rest }) => ({ ...snapshotOf(regions, seeds), ...rest }));
const settings = fc.record({
  amount: fc.integer({ min: 0, max: 10_000_000 }),
  ratio: fc.double({ min: 0, max: 1, noNaN: true }),
  flag: fc.boolean(),
});

/** What the specimen answers depends on every bit it was handed, in order, since it was configured. */
async function expectAgreement(given: Settings, epochs: readonly Snapshot[]): Promise<void> {
  const { ours, theirs } = await loadBoth(given);
  try {
    for (const snapshot of epochs) {
      const answer = await ours.evaluate(snapshot);
      if (!answer.ok) throw new Error(answer.message);
      const plan = askTheirs(theirs, snapshot);
      expect({ ...answer.value.plan }).toEqual({ ...plan });
    }
  } finally {
    await ours.close();
  }
}

test(
  'our glue hands over and takes back what jco’s does',
  async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.array(snapshots, { minLength: 1, maxLength: 8 }), expectAgreement),
      { numRuns: repetitions({ slice: 12, full: 1000 }) },
    );
  },
  timeoutMs(60_000),
);

test(
  'chunks and their last remainder agree as well',
  async () => {
    const seeds = Object.fromEntries(Object.keys(COLUMNS).map((name, i) => [name, i]));
    const regions = [0, 1, CHUNK_REGIONS - 1, CHUNK_REGIONS, CHUNK_REGIONS + 1, 2 * CHUNK_REGIONS + 77];
    await expectAgreement(
      {},
      regions.map((count) => snapshotOf(count, seeds)),
    );
  },
  timeoutMs(60_000),
);
