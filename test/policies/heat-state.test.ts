import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EVENT, type Place, type Snapshot } from '../../runtime/contract.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { buildCorePolicy } from '../../runtime/policy/build/core.ts';
import { buildPolicy } from '../../runtime/policy/build/index.ts';
import { loadPolicy, type HostedPolicy } from '../../runtime/policy/load.ts';
import { createRandom } from '../../runtime/simulate/random.ts';
import { clangMissing, compileC } from './clang.ts';

type Language = 'AssemblyScript' | 'C';
const components = new Map<Language, Uint8Array>();
const folder = mkdtempSync(join(tmpdir(), 'terrace-heat-state-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const root = packageRoot;
  const built = await buildPolicy({ root, file: join(root, 'policies/heat.ts'), target: 'simd' });
  if (!built.ok) throw new Error(built.message);
  components.set('AssemblyScript', built.value.component);
  if (clangMissing !== undefined) return;
  const file = join(folder, 'heat-core.wasm');
  writeFileSync(file, compileC(join(root, 'policies/c/heat.c')));
  const twin = await buildCorePolicy({ root, file, manifest: join(root, 'policies/c/heat.json') });
  if (!twin.ok) throw new Error(twin.message);
  components.set('C', twin.value.component);
}, 120_000);

async function open(language: Language = 'AssemblyScript'): Promise<HostedPolicy> {
  const policy = await loadPolicy({ policy: components.get(language)! });
  if (!policy.ok) throw new Error(policy.message);
  return policy.value;
}

const PAIRS: readonly (readonly [Language, Language])[] = [
  ['AssemblyScript', 'AssemblyScript'],
  ['AssemblyScript', 'C'],
  ['C', 'AssemblyScript'],
];

const placeOf = (tier: number): Place => ({
  ...{ tier, kind: 0, state: 0, capacity: 4000, room: 40, budget: 60, bandwidthMib: 0 },
  latencyNs: 100 + 150 * tier,
});

/** Epochs of a machine of two tiers: drifting heat, refusals, births and deaths. */
function createEpochs(regions: number, seed: number): () => Snapshot {
  const random = createRandom(seed);
  const below = (bound: number): number => Math.floor(random.uniform() * bound);
  let number = 0;
  return () => {
    number++;
    const churned = Uint32Array.from(new Set(Array.from({ length: 5 }, () => below(regions))));
    return {
      ...{ number, lengthMs: 1000, regions, owners: 1, samplingPeriod: 500, metrics: [] },
      places: [placeOf(0), placeOf(1)],
      events: {
        kinds: new Uint8Array(churned.length).fill(number % 2 ? EVENT.born : EVENT.died),
        regions: churned,
        others: new Uint32Array(churned.length),
      },
      columns: {
        accesses: Uint32Array.from({ length: regions }, (_, i) =>
          (i + number) % 7 === 0 ? below(90) : below(2),
        ),
        pages: new Uint32Array(regions).fill(1),
        place: Uint8Array.from({ length: regions }, () => below(2)),
        verdict: Uint8Array.from({ length: regions }, () => (below(50) === 0 ? 17 + below(8) : 0)),
      },
    };
  };
}

test.each(PAIRS.filter(([from, to]) => from === to || clangMissing === undefined))(
  'what was saved in %s and taken over in %s plans the same from then on',
  async (from, to) => {
    const [one, other] = [await open(from), await open(to)];
    const epochs = createEpochs(1003, 7);
    for (let epoch = 0; epoch < 12; epoch++) await one.evaluate(epochs());
    const state = await one.save();
    if (!state.ok) throw new Error(state.message);
    expect(await other.restore(one.manifest.stateVersion, state.value)).toMatchObject({ ok: true });
    let entries = 0;
    for (let epoch = 0; epoch < 12; epoch++) {
      const snapshot = epochs();
      const [plan, same] = [await one.evaluate(snapshot), await other.evaluate(snapshot)];
      if (!plan.ok || !same.ok) throw new Error('no plan');
      expect(same.value.plan).toEqual(plan.value.plan);
      entries += plan.value.plan.regions.length;
    }
    expect(entries).toBeGreaterThan(100);

    const again = await other.save();
    expect(again.ok && again.value.length).toBe(48 + 11 * 1003);
    await Promise.all([one.close(), other.close()]);
  },
);

const LANGUAGES: readonly Language[] =
  clangMissing === undefined ? ['AssemblyScript', 'C'] : ['AssemblyScript'];

test.each(LANGUAGES)('a state of another form is not taken, and heat in %s goes on', async (language) => {
  const policy = await open(language);
  const epochs = createEpochs(100, 8);
  await policy.evaluate(epochs());
  const state = await policy.save();
  if (!state.ok) throw new Error(state.message);
  const claim = Uint8Array.from(state.value);
  new DataView(claim.buffer).setFloat64(0, Number.NaN, true);
  const forms = [new Uint8Array(), state.value.subarray(1), claim];
  for (const form of forms)
    expect(await policy.restore(1, form)).toMatchObject({ ok: false, code: 'restore-refused' });
  expect(await policy.restore(2, state.value)).toMatchObject({ ok: false, code: 'restore-refused' });
  expect(await policy.evaluate(epochs())).toMatchObject({ ok: true });
  await policy.close();
});
