import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Snapshot } from '../../runtime/contract.ts';
import { loadPolicy } from '../../runtime/policy/load.ts';

const budgetPages = 4096;
/** Regions times rounds, for figures of any size to take about as long. */
const regionRounds = 100_000_000;
const warmUpRounds = 8;
const epochDeadlineMs = 60_000;
/** Without trapping floats gcc 12 vectorises the heat of a block; the answers are the same. */
const TWIN_FLAGS = ['-O3', '-march=native', '-fno-trapping-math', '-Wall', '-Werror'];
export const policies = join(import.meta.dirname, '../../dist/policies');

/** Nanoseconds per region of one epoch: columns out to the host, the policy, and its plan back. */
export interface EpochFigures {
  readonly regions: number;
  readonly simdNsPerRegion: number;
  readonly scalarNsPerRegion: number;
  /** The same algorithm on columns that are already there, in C, vectorised, no process in between. */
  readonly cNsPerRegion: number;
  /** SIMD by C, median of the pairs; goal: at most 1.3. */
  readonly ratio: number;
  /** Entries of the last plan: `heat`'s and the twin's. */
  readonly entries: readonly [heat: number, twin: number];
}

/** An epoch, `heat` in its host against its twin in C, turn by turn; SIMD and scalar each for itself. */
export async function benchEpoch(regions: number): Promise<EpochFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-bench-'));
  const snapshot = makeSnapshot(regions);
  const twin = startTwin(folder, snapshot);
  try {
    const simd = await timePairs('heat', twin, snapshot);
    const scalar = await timePairs('heat-scalar', twin, snapshot);
    return {
      ...{ regions, entries: simd.entries, simdNsPerRegion: simd.ns, scalarNsPerRegion: scalar.ns },
      ...{ cNsPerRegion: simd.twinNs, ratio: simd.ratio },
    };
  } finally {
    twin.close();
    rmSync(folder, { recursive: true });
  }
}

/** Medians, a region. */
async function timePairs(name: string, twin: ReturnType<typeof startTwin>, snapshot: Snapshot) {
  const { regions } = snapshot;
  const rounds = Math.max(10, Math.round(regionRounds / regions));
  const policy = await openHeat(name);
  const [ns, twinNs]: [number[], number[]] = [[], []];
  let entries: readonly [number, number] = [0, 0];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const ours = await policy.time({ ...snapshot, number: round + warmUpRounds });
    const theirs = await twin.time();
    entries = [ours.entries, theirs.entries];
    if (round < 0) continue;
    ns.push(ours.ns / regions);
    twinNs.push(theirs.ns / regions);
  }
  await policy.close();
  const ratio = median(ns.map((value, at) => value / (twinNs[at] ?? Number.NaN)));
  return { ns: median(ns), twinNs: median(twinNs), ratio, entries };
}

interface Timed {
  readonly ns: number;
  readonly entries: number;
}

async function openHeat(
  name: string,
): Promise<{ time(snapshot: Snapshot): Promise<Timed>; close(): Promise<void> }> {
  const policy = await loadPolicy({ policy: join(policies, `${name}.wasm`), limits: { epochDeadlineMs } });
  if (!policy.ok) throw new Error(policy.message);
  return {
    close: () => policy.value.close(),
    async time(snapshot) {
      const start = performance.now();
      const answer = await policy.value.evaluate(snapshot);
      const ns = (performance.now() - start) * 1e6;
      if (!answer.ok) throw new Error(answer.message);
      return { ns, entries: answer.value.plan.regions.length };
    },
  };
}

/** Half of the regions in the fast place; a tenth of all hot, wherever they are. */
export function makeSnapshot(regions: number): Snapshot {
  const accesses = new Uint32Array(regions);
  const place = new Uint8Array(regions);
  for (let region = 0; region < regions; region++) {
    const noise = Math.imul(region + 1, 2_654_435_761) >>> 8;
    accesses[region] = noise % 10 === 0 ? 20 + (noise % 200) : noise % 7 === 0 ? 1 : 0;
    place[region] = (noise >>> 12) & 1;
  }
  const pages = new Uint32Array(regions).fill(1);
  const node = { state: 0, capacity: regions, budget: budgetPages, bandwidthMib: 0 };
  return {
    ...{ number: 0, lengthMs: 1000, regions, owners: 1, samplingPeriod: 1000, metrics: [] },
    places: [
      { ...node, tier: 0, kind: 0, room: budgetPages, latencyNs: 80 },
      { ...node, tier: 1, kind: 1, room: regions, latencyNs: 250 },
    ],
    events: { kinds: new Uint8Array(0), regions: new Uint32Array(0), others: new Uint32Array(0) },
    columns: { accesses, pages, place, verdict: new Uint8Array(regions) },
  };
}

function startTwin(
  folder: string,
  { columns, regions }: Snapshot,
): { time(): Promise<Timed>; close(): void } {
  const [binary, data] = [join(folder, 'heat'), join(folder, 'columns')];
  execFileSync('cc', [...TWIN_FLAGS, '-o', binary, join(import.meta.dirname, 'heat.c')]);
  const order = [columns.accesses!, columns.pages!, columns.place!, columns.verdict!];
  writeFileSync(data, Buffer.concat(order.map((column) => new Uint8Array(column.buffer))));
  const child = spawn(binary, [data, String(regions), String(budgetPages)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    close: () => child.kill('SIGKILL'),
    async time() {
      child.stdin.write('\n');
      const line = await lines.next();
      if (line.done) throw new Error('the twin in C ended');
      const [ns = Number.NaN, entries = Number.NaN] = line.value.split(' ').map(Number);
      return { ns, entries };
    },
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
