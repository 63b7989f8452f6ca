import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHUNK_REGIONS, COLUMN_KINDS, COLUMNS } from '../../runtime/contract.ts';
import type { ColumnName, Snapshot } from '../../runtime/contract.ts';
import { hostMemoryPagesDefault } from '../../runtime/limits.ts';
import { meterModule } from '../../runtime/policy/meter/meter.ts';
import { readPolicy } from '../../runtime/policy/parse/read-policy.ts';
import { COLUMN_BYTES, PLACE_BYTES } from '../../runtime/policy/wire.ts';
import { makeSnapshot, policies } from './epoch.ts';
import { quantile } from './twin.ts';

const instances = 6;
const pairsPerInstance = 12;
const warmUpRounds = 4;
/** More than anything burns. */
const ENDLESS = 2n ** 62n;

/** One epoch of a million regions inside Wasm alone, with fuel counted and without. */
export interface FuelFigures {
  readonly plainNsPerRegion: number;
  readonly meteredNsPerRegion: number;
  /** Metered by plain, median of the pairs; goal: at most 1.08. */
  readonly ratio: number;
  readonly ratioQuartiles: readonly [number, number];
  readonly fuelPerRegion: number;
  /** Milliseconds to rewrite the module, and to compile it without and with charges. */
  readonly rewriteMs: number;
  readonly compileMs: readonly [plain: number, metered: number];
}

/** On a Node of its own, since V8 takes the flags of hosts only at its start. */
export function benchFuel(name: string): FuelFigures {
  const measure = `import { measureFuel } from ${JSON.stringify(import.meta.url)};
    process.stdout.write(JSON.stringify(measureFuel(${JSON.stringify(name)})));`;
  const flags = ['--no-liftoff', '--no-wasm-lazy-compilation', '--no-wasm-inlining', '--input-type=module'];
  return JSON.parse(
    execFileSync(process.execPath, [...flags, '-e', measure], { encoding: 'utf8' }),
  ) as FuelFigures;
}

/** Pairs whose order alternates, in fresh instances now and then: where memory comes to lie is luck. */
export function measureFuel(name: string): FuelFigures {
  const snapshot = makeSnapshot(1_000_000);
  const core = readCore(name);
  const metered = meter(core);
  const [plainMs, meteredMs, rewriteMs] = [core, metered, undefined].map((binary) =>
    medianOf(9, (round) => (binary ? compileAnew(binary, round) : meter(core))),
  );
  const [plainModule, meteredModule] = [new WebAssembly.Module(core), new WebAssembly.Module(metered)];
  const pairs: (readonly [plain: number, metered: number])[] = [];
  let fuelPerRegion = 0;
  for (let instance = 0; instance < instances; instance++) {
    const [plain, counted] = [instantiate(plainModule, snapshot), instantiate(meteredModule, snapshot)];
    for (let round = -warmUpRounds; round < pairsPerInstance; round++) {
      const early = round % 2 === 0 ? plain.epochNs() : undefined;
      const meteredNs = counted.epochNs();
      const plainNs = early ?? plain.epochNs();
      if (round >= 0) pairs.push([plainNs / snapshot.regions, meteredNs / snapshot.regions]);
    }
    fuelPerRegion = counted.fuel() / snapshot.regions / (warmUpRounds + pairsPerInstance);
  }
  const ratios = pairs.map(([plain, counted]) => counted / plain);
  return {
    plainNsPerRegion: quantile(
      pairs.map(([plain]) => plain),
      0.5,
    ),
    meteredNsPerRegion: quantile(
      pairs.map(([, counted]) => counted),
      0.5,
    ),
    ratio: quantile(ratios, 0.5),
    ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    fuelPerRegion,
    rewriteMs: rewriteMs!,
    compileMs: [plainMs!, meteredMs!],
  };
}

function readCore(name: string): Uint8Array<ArrayBuffer> {
  const policy = readPolicy(readFileSync(join(policies, `${name}.wasm`)), hostMemoryPagesDefault);
  if (!policy.ok) throw new Error(policy.message);
  return Uint8Array.from(policy.value.core);
}

function meter(core: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const metered = meterModule(core, { memoryPagesMax: hostMemoryPagesDefault, fuelAtStart: ENDLESS });
  if (!metered.ok) throw new Error(metered.message);
  return metered.value.binary;
}

interface HeatExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly 'terrace:fuel'?: { readonly value: bigint };
  _initialize(): void;
  cabi_realloc(old: number, oldBytes: number, align: number, bytes: number): number;
  configure(settings: number, count: number): number;
  begin(...epoch: number[]): void;
  observe(first: number, count: number, columns: number, columnCount: number): void;
  decide(): number;
  cabi_post_decide?(answer: number): void;
}

interface Instance {
  /** One epoch; only what is spent in Wasm counts. */
  epochNs(): number;
  /** Burnt since it began. */
  fuel(): number;
}

function instantiate(module: WebAssembly.Module, { regions, places, columns, ...epoch }: Snapshot): Instance {
  const exports = new WebAssembly.Instance(module, { $root: { log: () => {} } })
    .exports as unknown as HeatExports;
  const names = (Object.keys(COLUMNS) as ColumnName[]).filter((column) => columns[column]);
  let spentMs = 0;
  let number = 0;
  const timed = <T>(call: () => T): T => {
    const start = performance.now();
    const answer = call();
    spentMs += performance.now() - start;
    return answer;
  };
  const place = (bytes: Uint8Array, align: number): number => {
    const at = timed(() => exports.cabi_realloc(0, 0, align, bytes.length));
    new Uint8Array(exports.memory.buffer).set(bytes, at);
    return at;
  };
  const bytesOf = (values: ArrayBufferView): Uint8Array =>
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

  function observe(first: number): void {
    const count = Math.min(CHUNK_REGIONS, regions - first);
    const records = new DataView(new ArrayBuffer(names.length * COLUMN_BYTES));
    names.forEach((name, i) => {
      const { id, kind } = COLUMNS[name];
      const values = columns[name]!.subarray(first, first + count);
      records.setUint16(i * COLUMN_BYTES, id, true);
      records.setUint8(i * COLUMN_BYTES + 4, COLUMN_KINDS[kind].tag);
      records.setUint32(i * COLUMN_BYTES + 8, place(bytesOf(values), values.BYTES_PER_ELEMENT), true);
      records.setUint32(i * COLUMN_BYTES + 12, count, true);
    });
    const at = place(bytesOf(records), 4);
    timed(() => exports.observe(first, count, at, names.length));
  }

  function placesRecord(): Uint8Array {
    const view = new DataView(new ArrayBuffer(places.length * PLACE_BYTES));
    places.forEach((one, i) => {
      [one.tier, one.kind, one.state].forEach((byte, at) => view.setUint8(i * PLACE_BYTES + at, byte));
      [one.capacity, one.room, one.budget, one.latencyNs, one.bandwidthMib].forEach((word, at) =>
        view.setUint32(i * PLACE_BYTES + 4 + at * 4, word, true),
      );
    });
    return bytesOf(view);
  }

  exports._initialize();
  exports.configure(place(new Uint8Array(0), 8), 0);
  const fuelAtStart = exports['terrace:fuel']?.value ?? 0n;
  return {
    epochNs() {
      spentMs = 0;
      const head = [number++, epoch.lengthMs, regions, epoch.owners, epoch.samplingPeriod];
      const at = place(placesRecord(), 4);
      timed(() => exports.begin(...head, at, places.length, 8, 0, 1, 0, 4, 0, 4, 0));
      for (let first = 0; first < regions; first += CHUNK_REGIONS) observe(first);
      timed(() => exports.cabi_post_decide?.(exports.decide()));
      return spentMs * 1e6;
    },
    fuel: () => Number(fuelAtStart - (exports['terrace:fuel']?.value ?? 0n)),
  };
}

/** V8 remembers what it compiled: a custom section makes it another module. */
function compileAnew(binary: Uint8Array, round: number): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.of(...binary, 0, 2, 1, 65 + round));
}

function medianOf(rounds: number, run: (round: number) => unknown): number {
  const times = Array.from({ length: rounds }, (_, round) => {
    const start = performance.now();
    run(round);
    return performance.now() - start;
  });
  return quantile(times, 0.5);
}
