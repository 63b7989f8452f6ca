import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostFile } from '../../runtime/policy/launch.ts';
import {
  connect,
  descendants,
  start,
  startDaemon,
  startServices,
  statusOf,
  type Running,
} from '../daemon/daemon-process.ts';
import { readCpuMs, readPssBytes } from '../daemon/process-figures.ts';
import { excuse } from '../executor/launch/launcher-process.ts';

const rows = 100_000;
const epochMs = 1000;
/** Until V8 has compiled what it is going to. */
const warmUpMs = 20_000;
const measuredMs = 30_000;
/** Users who are nobody here. */
const hostUsers = { uidFirst: 1_900_000, countMax: 4 };

/** Of one kind of process. */
export interface ProcessFigures {
  readonly name: string;
  /** Of one processor. */
  readonly cpuShare: number;
  readonly pssBytes: number;
}

export interface IdleFigures {
  /** Daemon, executor, policy host; and launcher, where root may start one. */
  readonly ours: readonly ProcessFigures[];
  /** Stands in for a sensor, from a process that does more than one would. */
  readonly sensor: ProcessFigures;
  readonly rows: number;
}

/**
 * A daemon with nothing to do but look: one epoch a second, `heat` on a machine whose executor knows no second tier
 * for it, so that no plan has an entry.
 */
export async function benchIdleDaemon(): Promise<IdleFigures> {
  const folder = mkdtempSync(join(excuse === undefined ? '/dev/shm' : tmpdir(), 'terrace-bench-'));
  const running = new Map<string, Running>();
  try {
    running.set('sensor', await startServices(folder, '--pages', String(rows), '--shift', '0'));
    running.set('executor', await startExecutor(folder));
    if (excuse === undefined) running.set('launcher', await startLauncher(folder));
    running.set('daemon', await startDaemon(writeConfig(folder)));
    return await measure(folder, listPids(running));
  } finally {
    for (const each of [...running.values()].toReversed()) await each.end('SIGTERM');
    rmSync(folder, { recursive: true });
  }
}

async function measure(folder: string, pids: ReadonlyMap<string, number>): Promise<IdleFigures> {
  const client = await connect(join(folder, 'control/terrace.sock'));
  await sleep(warmUpMs);
  const before = [...pids.values()].map(readCpuMs);
  const began = performance.now();
  await sleep(measuredMs);
  const ms = performance.now() - began;
  const figures = [...pids].map(([name, pid], at) => ({
    ...{ name, cpuShare: (readCpuMs(pid) - before[at]!) / ms, pssBytes: readPssBytes(pid) },
  }));
  const { totals, regions, fault } = (await statusOf(client)).scopes[0]!;
  await client.close();
  const { movedPages, refused, failed } = totals;
  if (movedPages + refused + failed > 0 || regions !== rows)
    throw new Error(`it was not idle: ${JSON.stringify({ ...totals, regions, fault })}`);
  const [sensor, ...ours] = figures;
  return { ours, sensor: sensor!, rows };
}

/** The sensor first. */
function listPids(running: ReadonlyMap<string, Running>): ReadonlyMap<string, number> {
  const started = [...running].map(([name, { child }]) => [name, child.pid!] as const);
  const hosts = ['launcher', 'daemon'].flatMap((name) => descendants(running.get(name)?.child.pid ?? -1));
  if (hosts.length !== 1) throw new Error(`one policy host was to be started, not ${hosts.length}`);
  return new Map([...started, ['host', hosts[0]!]]);
}

/** A real one, which is to read this machine and move nothing. */
function startExecutor(folder: string): Promise<Running> {
  const limits = join(folder, 'limits.json');
  const members = { kind: 'cgroup', path: '/batch' };
  const scopes = { batch: { members, nodes: { 0: {} }, pagesPerEpochMax: 1 } };
  writeFileSync(limits, JSON.stringify({ scopes, headroomPagesMax: 0, journal: { bytesMax: 65_536 } }));
  const sockets = ['--limits', limits, '--socket', join(folder, 'linux.sock')];
  const journal = ['--journal', join(folder, 'journal.jsonl')];
  return start(['executor/main.ts', ...sockets, ...journal], 'terrace-executor: ready');
}

function startLauncher(folder: string): Promise<Running> {
  const file = join(folder, 'launcher.json');
  const [uid, gid] = [process.getuid!(), process.getgid!()];
  const config = { folder: join(folder, 'run'), runtime: { uid, gid }, hosts: hostUsers, host: hostFile };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return start(['executor/launch.ts', '--config', file], 'terrace-launcher: ready');
}

function writeConfig(folder: string): string {
  const file = join(folder, 'terrace.yaml');
  mkdirSync(join(folder, 'decisions'));
  writeFileSync(
    file,
    `executor: ${folder}/linux.sock
control: ${folder}/control/terrace.sock
decisions: ${folder}/decisions
${excuse === undefined ? `launcher: ${folder}/run/launcher.sock` : ''}
scopes:
  batch:
    cgroup: /batch
    sensor: ${folder}/sensor-batch.sock
    epochMs: ${epochMs}
    policy: heat
`,
  );
  return file;
}
