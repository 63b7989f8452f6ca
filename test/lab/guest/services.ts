import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectExecutor } from '../../../executor/client.ts';
import type { Executor } from '../../../executor/executor.ts';
import type { Result } from '../../../executor/result.ts';
import type { Settings } from '../../../runtime/contract.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import type { Policy } from '../../../runtime/policy/policy.ts';
import { connectSensor } from '../../../runtime/telemetry/sensor-client.ts';
import type { TelemetrySource } from '../../../runtime/telemetry/source.ts';
import type { Scenario } from '../scenario.ts';

export const EXECUTOR = 'executor/main.ts';
export const SENSOR = 'runtime/telemetry/sensor-main.ts';
const HOST = 'dist/host.mjs';
const POLL_MS = 20;
const START_MS_MAX = 60_000;

/** In a guest nothing is expected to fail, so a failure ends the run with its message. */
export function demand<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

/** Starts a daemon of the project as a process of its own and waits for its socket. */
async function startService(main: string, args: readonly string[], socket: string): Promise<void> {
  const stdio = ['ignore', 'inherit', 'inherit'] as const;
  const child = spawn(process.execPath, [main, ...args, '--socket', socket], { stdio: [...stdio] });
  const started = performance.now();
  while (!existsSync(socket)) {
    const ended = child.exitCode ?? child.signalCode;
    if (ended !== null) throw new Error(`${main} ended with ${ended}`);
    if (performance.now() - started > START_MS_MAX) throw new Error(`${main} opened no socket`);
    await sleep(POLL_MS);
  }
}

/** An executor process under these limits, and a connection to it. Several have names of their own. */
export async function startExecutor(limits: unknown, name = 'executor'): Promise<Executor> {
  const socket = `/run/${name}.sock`;
  const file = `/run/${name}.limits.json`;
  writeFileSync(file, JSON.stringify(limits), { mode: 0o600 });
  const args = ['--limits', file, '--journal', `/run/${name}.journal.jsonl`];
  await startService(EXECUTOR, args, socket);
  return demand(await connectExecutor(socket));
}

/** The sensor process over a cgroup, and a connection to it. `more`: which source, when it is not soft-dirty. */
export async function startSensor(
  cgroup: string,
  samplingPeriod: number,
  more: readonly string[] = [],
): Promise<TelemetrySource> {
  const socket = '/run/sensor.sock';
  await startService(SENSOR, ['--cgroup', cgroup, '--sampling-period', `${samplingPeriod}`, ...more], socket);
  return demand(await connectSensor(socket));
}

/** The scenario's policy, in a host process of its own. */
export async function startPolicy({ policy, settings }: Scenario, more: Settings): Promise<Policy> {
  return demand(
    await loadPolicy({ policy: `dist/policies/${policy}.wasm`, settings: { ...settings, ...more } }),
  );
}

/** How many of the daemons and hosts above run beside this process. */
export function countProcesses(): number {
  return [EXECUTOR, SENSOR, HOST].reduce((count, file) => count + findProcesses(file).length, 0);
}

/** Processes beside this one that run this file, or its compiled twin. */
export function findProcesses(file: string): readonly number[] {
  const stem = file.replace(/ts$/, '');
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => pid !== process.pid && commandOf(pid).includes(stem));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    // It went between the listing and the look.
    return '';
  }
}
