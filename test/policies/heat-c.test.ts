import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Settings } from '../../runtime/contract.ts';
import { buildCorePolicy } from '../../runtime/policy/build/core.ts';
import { buildPolicy, type BuiltPolicy } from '../../runtime/policy/build/index.ts';
import { loadPolicy } from '../../runtime/policy/load.ts';
import type { Policy } from '../../runtime/policy/policy.ts';
import { DEFAULT_COST_MODEL } from '../../runtime/cost-model.ts';
import { createDryRun, DRY_RUN_DEFAULTS } from '../../runtime/simulate/dry-run.ts';
import { BUNDLED_TRACE, loadTrace } from '../../runtime/trace/load.ts';
import { repetitions, timeoutMs } from '../proof.ts';
import { clangMissing, compileC } from './clang.ts';
import { anyEpochs, anySettings } from './any-epoch.ts';
import { instantiateCore } from './core-policy.ts';

const root = join(import.meta.dirname, '../..');
const source = join(root, 'policies/c/heat.c');
const folder = mkdtempSync(join(tmpdir(), 'terrace-heat-c-'));
afterAll(() => rmSync(folder, { recursive: true }));

let inC: BuiltPolicy;
let inAssemblyScript: BuiltPolicy;

describe.skipIf(clangMissing !== undefined)(`heat in C (${clangMissing ?? 'clang is here'})`, () => {
  beforeAll(async () => {
    const file = join(folder, 'heat-core.wasm');
    writeFileSync(file, compileC(source));
    const built = await buildCorePolicy({ root, file, manifest: join(root, 'policies/c/heat.json') });
    if (!built.ok) throw new Error(built.message);
    inC = built.value;
    const twin = await buildPolicy({ root, file: join(root, 'policies/heat.ts'), target: 'simd' });
    if (!twin.ok) throw new Error(twin.message);
    inAssemblyScript = twin.value;
  }, 120_000);

  test('promises what heat promises', () => {
    const { name, ...rest } = inC.manifest;
    expect({ ...rest, name: name.replace('-c', '') }).toEqual(inAssemblyScript.manifest);
  });

  const otherSettings = { halfLife: 1.7, horizon: 40, keep: 0.9, reservePercent: 12, guard: 2.5, hold: 3 };
  test.each([{}, { ...otherSettings, pause: 1, warmup: 0, moveCostNs: 900 }])(
    'plans what heat plans in every epoch of the bundled trace, settings %o',
    async (settings) => {
      const { policy, seen } = await besideEachOther(settings);
      const trace = loadTrace(BUNDLED_TRACE);
      if (!trace.ok) throw new Error(trace.message);
      const options = { ...DRY_RUN_DEFAULTS, trace: trace.value, cost: DEFAULT_COST_MODEL, policy };
      const run = createDryRun(options);
      while ((await run.step()) !== undefined);
      expect(run.totals().failed).toBe(0);
      await run.close();
      expect(seen.epochs).toBe(trace.value.epochs.length);
      expect(seen.entries).toBeGreaterThan(10_000);
    },
    120_000,
  );

  test(
    'plans the same whatever it is handed',
    () => {
      let planned = 0;
      fc.assert(
        fc.property(anySettings(inC.manifest), anyEpochs, (settings, epochs) => {
          const [one, other] = [inC, inAssemblyScript].map(({ core }) => instantiateCore(core));
          for (const policy of [one!, other!]) policy.configure(settings);
          for (const each of epochs) {
            const answer = one!.ask(each);
            expect(answer).toEqual(other!.ask(each));
            planned += answer.regions.length;
          }
          expect([one!.log, other!.log]).toEqual([[], []]);
        }),
        { numRuns: repetitions({ slice: 1500, full: 50_000 }) },
      );
      expect(planned).toBeGreaterThan(1000);
    },
    timeoutMs(120_000),
  );

  test(
    'forgets as fast: 0.5 to the power of any exponent is rounded alike',
    async () => {
      const [one, other] = [halfInC(), await halfInAssemblyScript()];
      expect([one(0), one(1), one(2)]).toEqual([1, 0.5, 0.25]);
      fc.assert(
        fc.property(fc.float({ min: Math.fround(1e-4), max: 10, noNaN: true }), (exponent) => {
          expect(one(exponent)).toBe(other(exponent));
        }),
        { numRuns: repetitions({ slice: 20_000, full: 2_000_000 }) },
      );
    },
    timeoutMs(120_000),
  );

  test('needs no more memory after 20,000 epochs than after a thousand', () => {
    const heat = instantiateCore(inC.core);
    heat.configure({ ...defaults(), warmup: 0, halfLife: 0.5 });
    const [place, slow] = [0, 1].map((tier) => ({ ...somePlace, tier, latencyNs: 100 + 150 * tier }));
    const columns = {
      accesses: Uint32Array.from({ length: 3000 }, (_, i) => i % 50),
      pages: new Uint32Array(3000).fill(1),
      place: new Uint8Array(3000).fill(1),
      verdict: new Uint8Array(3000),
    };
    const run = (epochs: number) => {
      for (let number = 0; number < epochs; number++) {
        const regions = 2000 + (number % 1000);
        heat.ask({ number, regions, samplingPeriod: 100, places: [place!, slow!], columns });
      }
      return heat.memoryBytes();
    };
    expect(run(1000)).toBe(run(19_000));
  });
});

/** A policy that asks both, insists on equal plans, and answers with heat's own. */
async function besideEachOther(settings: Settings) {
  const both: Policy[] = [];
  for (const { component } of [inAssemblyScript, inC]) {
    const loaded = await loadPolicy({ policy: component, settings, limits: { epochDeadlineMs: 60_000 } });
    if (!loaded.ok) throw new Error(loaded.message);
    both.push(loaded.value);
  }
  const [heat, twin] = both as [Policy, Policy];
  const seen = { epochs: 0, entries: 0 };
  const policy: Policy = {
    ...heat,
    async evaluate(snapshot) {
      const answer = await heat.evaluate(snapshot);
      const other = await twin.evaluate(snapshot);
      if (!answer.ok || !other.ok) throw new Error(`epoch ${snapshot.number} ended without a plan`);
      expect(other.value.plan, `epoch ${snapshot.number}`).toEqual(answer.value.plan);
      expect(other.value.inputHash).toBe(answer.value.inputHash);
      seen.epochs++;
      seen.entries += answer.value.plan.regions.length;
      return answer;
    },
    close: async () => void (await Promise.all([heat.close(), twin.close()])),
  };
  return { policy, seen };
}

const somePlace = {
  ...{ tier: 0, kind: 0, state: 0, capacity: 10_000, room: 1000, budget: 1000 },
  ...{ latencyNs: 100, bandwidthMib: 0 },
};

function defaults(): Settings {
  return Object.fromEntries(inC.manifest.settings.map((setting) => [setting.name, setting.default]));
}

type Half = (exponent: number) => number;

/** The function of heat.c by itself. */
function halfInC(): Half {
  const file = join(folder, 'half.c');
  writeFileSync(
    file,
    `#include "${source}"\n` +
      '__attribute__((export_name("half"))) float half(float exponent) { return half_to_the(exponent); }\n',
  );
  return halfOf(compileC(file), { $root: { log: () => {} } });
}

async function halfInAssemblyScript(): Promise<Half> {
  const text = 'export function half(exponent: f32): f32 { return Mathf.pow(0.5, exponent); }';
  const { binary, error } = await asc.compileString(text, { optimizeLevel: 3, runtime: 'stub' });
  if (error || !binary) throw error ?? new Error('nothing was compiled');
  return halfOf(binary, {});
}

function halfOf(module: Uint8Array, imports: WebAssembly.Imports): Half {
  const compiled = new WebAssembly.Module(module as Uint8Array<ArrayBuffer>);
  return new WebAssembly.Instance(compiled, imports).exports['half'] as Half;
}
