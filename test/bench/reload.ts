import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkConfig, type CheckedScope } from '../../runtime/config/check.ts';
import { readConfig } from '../../runtime/config/read-config.ts';
import { requestedCandidate } from '../../runtime/daemon/candidate.ts';
import { createEngine } from '../../runtime/engine.ts';
import { hold } from '../../runtime/govern/hold.ts';
import { harmShareCeiling } from '../../runtime/limits.ts';
import { buildInChild } from '../../runtime/policy/build-in-child.ts';
import { loadPolicy, type HostedPolicy } from '../../runtime/policy/load.ts';
import { openShelf } from '../../runtime/policy/shelf.ts';
import { createSwitchboard, type Candidate, type Switchboard } from '../../runtime/reload/switchboard.ts';
import { policies } from './epoch.ts';
import { createSwapWorld } from './swap-world.ts';
import { quantile } from './twin.ts';

const regions = 1_000_000;
const swaps = 100;
const warmUpSwaps = 5;
const trialEpochs = 3;
/** Epochs without a candidate between two swaps. */
const quietEpochs = 4;
/** From one epoch's end to the next one's beginning, in which a shadow answers. */
const restMs = 25;
const preparations = 21;
const warmUpPreparations = 3;

/** Nanoseconds of every epoch, by what was going on. */
export interface SwapFigures {
  /** No candidate, and no swap just before. */
  readonly quiet: readonly number[];
  /** A candidate is being started on another processor. */
  readonly preparing: readonly number[];
  /** Between two epochs: `save`, `restore` and the shadow's beginning. */
  readonly handOver: readonly number[];
  /** A candidate is shown the epoch as well. */
  readonly shadowed: readonly number[];
  /** The swap and the epoch that begins with it. */
  readonly swapped: readonly number[];
  /** The epoch after that. */
  readonly next: readonly number[];
  readonly stateBytes: number;
}

type Series = { -readonly [Key in Exclude<keyof SwapFigures, 'stateBytes'>]: number[] };

/** Epochs of `heat` at a million regions in one process with everything but its host, swapped over and over. */
export async function benchSwap(): Promise<SwapFigures> {
  const { source, executor } = createSwapWorld(regions);
  const first = await loadHeat();
  // Whether a swap pays is not what is asked here.
  const limits = { harmShareMax: harmShareCeiling };
  const engine = createEngine({ source, executor, policy: first, scope: 'bench', limits });
  let ended = '';
  const switchboard = createSwitchboard({
    engine,
    nowMs: () => Date.now(),
    onEnd: ({ outcome, message }) => (ended = `${outcome}: ${message}`),
  });
  const drop = (): Series => ({
    quiet: [],
    preparing: [],
    handOver: [],
    shadowed: [],
    swapped: [],
    next: [],
  });
  let series = drop();

  async function step(kind: 'quiet' | 'preparing' | 'shadowed' | 'next'): Promise<void> {
    await sleep(restMs);
    ended = '';
    const start = performance.now();
    switchboard.beforeEpoch();
    const { fault } = await engine.step();
    const ns = since(start);
    if (fault) throw new Error(fault.message);
    if (ended !== '' && !ended.startsWith('switched')) throw new Error(ended);
    series[ended === '' ? kind : 'swapped'].push(ns);
  }

  for (let swap = -warmUpSwaps; swap < swaps; swap++) {
    if (swap === 0) series = drop();
    for (let epoch = 0; epoch < quietEpochs; epoch++) await step('quiet');
    const begun = beginHeat(switchboard);
    while (!begun.stands) await step('preparing');
    const start = performance.now();
    await switchboard.afterEpoch();
    series.handOver.push(since(start));
    do await step('shadowed');
    while (ended === '');
    await step('next');
  }
  const saved = await (engine.onDuty() as HostedPolicy).save();
  await switchboard.close();
  await engine.close();
  if (!saved.ok) throw new Error(saved.message);
  return { ...series, stateBytes: saved.value.length };
}

function beginHeat(switchboard: Switchboard): { readonly stands: boolean } {
  const begun = { stands: false };
  async function load() {
    const value = await loadHeat();
    begun.stands = true;
    return { ok: true, value } as const;
  }
  switchboard.begin({ named: 'heat', trialEpochs, load });
  return begun;
}

async function loadHeat(): Promise<HostedPolicy> {
  const loaded = await loadPolicy({ policy: join(policies, 'heat.wasm') });
  if (!loaded.ok) throw new Error(loaded.message);
  return loaded.value;
}

/** Nanoseconds; of a preparation from the request to a policy that stands, of a bare start from `node -e 0` to its end. */
export interface PrepareFigures {
  readonly prepareNs: readonly number[];
  readonly bareNs: number;
  /** Median of the pairs. */
  readonly ratio: number;
}

/** As the daemon does when it is asked to switch: find, admit, start a host, load, configure. */
export async function benchPrepare(): Promise<PrepareFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-bench-'));
  const { source, executor } = createSwapWorld(1);
  const engine = createEngine({ source, executor, policy: hold, scope: 'bench' });
  const switchboard = createSwitchboard({ engine, nowMs: () => Date.now() });
  const shelf = openShelf({ build: buildInChild });
  const [prepareNs, bareNs]: [number[], number[]] = [[], []];
  try {
    const scope = await someScope(folder, shelf);
    const active = () => switchboard.status().active;
    for (let round = -warmUpPreparations; round < preparations; round++) {
      const bare = await startBare();
      const candidate = requestedCandidate({ policy: 'heat', trialEpochs }, scope, { shelf, active });
      const ours = await prepare(switchboard, candidate);
      if (round < 0) continue;
      bareNs.push(bare);
      prepareNs.push(ours);
    }
  } finally {
    await switchboard.close();
    await engine.close();
    rmSync(folder, { recursive: true });
  }
  const ratios = prepareNs.map((ns, at) => ns / (bareNs[at] ?? Number.NaN));
  return { prepareNs, bareNs: quantile(bareNs, 0.5), ratio: quantile(ratios, 0.5) };
}

async function prepare(switchboard: Switchboard, candidate: Candidate): Promise<number> {
  const start = performance.now();
  const ns = await new Promise<number>((resolve, reject) => {
    switchboard.begin({
      ...candidate,
      async load() {
        const loaded = await candidate.load();
        if (loaded.ok) resolve(since(start));
        else reject(new Error(loaded.message));
        return loaded;
      },
    });
  });
  switchboard.rollBack();
  return ns;
}

async function someScope(folder: string, shelf: ReturnType<typeof openShelf>): Promise<CheckedScope> {
  const file = join(folder, 'terrace.yaml');
  const scope = `{ cgroup: /bench, sensor: ${folder}/sensor, policy: heat }`;
  writeFileSync(
    file,
    `executor: ${folder}/executor\ncontrol: ${folder}/control\nscopes: { bench: ${scope} }\n`,
  );
  const config = readConfig(file);
  if (!config.ok) throw new Error(config.message);
  const checked = await checkConfig(config.value, shelf);
  if (!checked.ok) throw new Error(checked.message);
  return checked.value.scopes[0]!;
}

async function startBare(): Promise<number> {
  const start = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { cwd: '/', env: {}, stdio: 'ignore' }), 'exit');
  return since(start);
}

function since(start: number): number {
  return (performance.now() - start) * 1e6;
}
