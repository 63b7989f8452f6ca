import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlClient } from '../../runtime/control/client.ts';
import type { ScopeStatus, SwitchStatus } from '../../runtime/control/status.ts';
import type { Decision } from '../../runtime/govern/decision.ts';
import { hashPlan } from '../../runtime/govern/hashes.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { buildPolicy } from '../../runtime/policy/build/index.ts';
import { connect, startDaemon, startServices, statusOf, type Running } from './daemon-process.ts';

export const EPOCH_MS = 20;
export const TRIAL_EPOCHS = 3;
const PAGES = 2048;
const MOVES = 32;
const VERSIONS = ['1.0.0', '2.0.0'] as const;
const POLL_MS = 20;
const SWITCH_MS_MAX = 60_000;

/** A daemon over a simulated machine, whose policy is `counter` in one of two versions. */
export interface ReloadStage {
  /** Of the daemon. */
  readonly pid: number;
  status(): Promise<ScopeStatus>;
  /** Switches to the version that does not decide; answers how that ended. */
  reload(): Promise<SwitchStatus>;
  /** Looks as often as a reload does, for so long. */
  watch(ms: number): Promise<void>;
  /** Epochs that were decided since the last look, in order. */
  readDecisions(): readonly Decision[];
  end(): Promise<void>;
}

export async function openReloadStage(): Promise<ReloadStage> {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-reloads-'));
  const running: Running[] = [];
  try {
    await buildVersions(folder);
    running.push(await startServices(folder, '--pages', String(PAGES)));
    running.push(await startDaemon(writeConfig(folder)));
    const client = await connect(join(folder, 'control/terrace.sock'));
    return openStage(folder, running, client);
  } catch (error) {
    await clear(folder, running);
    throw error;
  }
}

function openStage(folder: string, running: readonly Running[], client: ControlClient): ReloadStage {
  let next = 1;
  let epochsRead = 0;

  async function status(): Promise<ScopeStatus> {
    return (await statusOf(client)).scopes[0]!;
  }

  async function reload(): Promise<SwitchStatus> {
    const before = (await status()).lastSwitch?.atMs;
    const asked = await client.switchPolicy({ policy: `counter@${VERSIONS[next]}` });
    if (!asked.ok) throw new Error(asked.message);
    for (let waitedMs = 0; waitedMs < SWITCH_MS_MAX; waitedMs += POLL_MS) {
      await sleep(POLL_MS);
      const { lastSwitch } = await status();
      if (lastSwitch === undefined || lastSwitch.atMs === before) continue;
      if (lastSwitch.outcome === 'switched') next = 1 - next;
      return lastSwitch;
    }
    throw new Error(`no end of a switch after ${SWITCH_MS_MAX} ms`);
  }

  return {
    pid: running.at(-1)!.child.pid!,
    status,
    reload,
    async watch(ms) {
      const untilMs = performance.now() + ms;
      while (performance.now() < untilMs) {
        await sleep(POLL_MS);
        await status();
      }
    },
    readDecisions() {
      const file = join(folder, 'decisions/batch.jsonl');
      const fresh = [`${file}.1`, file].flatMap(readLines).filter(({ epoch }) => epoch > epochsRead);
      epochsRead = fresh.at(-1)?.epoch ?? epochsRead;
      return fresh;
    },
    async end() {
      await client.close();
      await clear(folder, running);
    },
  };
}

async function clear(folder: string, running: readonly Running[]): Promise<void> {
  for (const each of running.toReversed()) await each.end('SIGTERM');
  rmSync(folder, { recursive: true });
}

/** Two that differ by what they say of themselves. */
async function buildVersions(folder: string): Promise<void> {
  const policies = join(folder, 'policies');
  mkdirSync(policies);
  const source = readFileSync(join(packageRoot, 'test/fixtures/policies/counter.ts'), 'utf8');
  for (const version of VERSIONS) {
    const file = join(folder, 'counter.ts');
    writeFileSync(file, source.replace("'1.0.0'", `'${version}'`));
    const built = await buildPolicy({ root: packageRoot, file, target: 'simd' });
    if (!built.ok) throw new Error(built.message);
    writeFileSync(join(policies, `counter@${version}.wasm`), built.value.component);
  }
}

/** `counter` moves to and fro without sense, and is not to be stopped for that. */
function writeConfig(folder: string): string {
  mkdirSync(join(folder, 'decisions'));
  const file = join(folder, 'terrace.yaml');
  writeFileSync(
    file,
    `executor: ${folder}/executor.sock
control: ${folder}/control/terrace.sock
policies: ${folder}/policies
decisions: ${folder}/decisions
scopes:
  batch:
    cgroup: /batch
    sensor: ${folder}/sensor-batch.sock
    epochMs: ${EPOCH_MS}
    policy: counter@${VERSIONS[0]}
    settings: { moves: ${MOVES} }
    trialEpochs: ${TRIAL_EPOCHS}
    limits: { harmShareMax: 9 }
`,
  );
  return file;
}

/** The last line may be torn: it is being written. */
function readLines(file: string): Decision[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Decision);
}

/** Of the plan that `counter` answers when it was shown and missed so many epochs. */
export function hashOfCounts(shown: number, missed: number): string {
  const window = (first: number) => Array.from({ length: MOVES }, (_, i) => (first + i) % PAGES);
  const up = shown * MOVES;
  return hashPlan({
    regions: Uint32Array.from([...window(up + PAGES - PAGES / 4), ...window(up)]),
    targets: Uint8Array.from({ length: 2 * MOVES }, (_, i) => (i < MOVES ? 1 : 0)),
    ...{ priorities: new Uint16Array(), reasons: new Uint8Array(), headroom: new Uint32Array() },
    wishes: [shown, missed].map((value, i) => ({ id: i + 1, subject: 0, value })),
  });
}
