import { spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectControl, type ControlClient } from '../../../runtime/control/client.ts';
import type { ScopeStatus } from '../../../runtime/control/status.ts';
import type { Decision } from '../../../runtime/govern/decision.ts';
import type { Settings } from '../../../runtime/contract.ts';
import type { Scenario } from '../scenario.ts';
import { CGROUP, SCOPE } from './exact-context.ts';
import { end, FOLDER, RUNTIME, startLauncher, until, type Launcher } from './launcher-context.ts';
import { demand } from './services.ts';

const TERRACE = '/package/runtime/cli/terrace.js';
export const LAUNCHER_SOCKET = join(FOLDER, 'launcher.sock');
export const EXECUTOR_SOCKET = join(FOLDER, 'executor.sock');
export const SENSOR_SOCKET = join(FOLDER, 'sensor.sock');
/** What is the daemon's user's own. */
const HOME = '/run/terrace';
export const CONTROL_SOCKET = join(HOME, 'control/terrace.sock');
const CONFIG = '/run/terrace.yaml';
const MIB = 2 ** 20;
/** Each costs the daemon some milliseconds under emulation. */
const STATUS_POLL_MS = 250;
const END_MS_MAX = 60_000;
/** Times inside are emulated. */
const PATIENT = { loadDeadlineMs: 60_000, epochDeadlineMs: 60_000 };

/** `terrace launch`: executor, a soft-dirty sensor over the workload, and hosts with every belt. */
export function launchServices({ limits, parameters }: Scenario): Promise<Launcher> {
  const { hostMib = 0, pidsMax = 0, samplingPeriod = 1 } = parameters;
  const file = '/run/executor.limits.json';
  writeFileSync(file, JSON.stringify(limits), { mode: 0o600 });
  writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+pids');
  const flags = ['--cgroup', CGROUP, '--sampling-period', `${samplingPeriod}`];
  const more = {
    cgroup: { parent: '/sys/fs/cgroup/terrace', memoryBytesMax: hostMib * MIB, pidsMax },
    services: {
      executor: { limits: file, socket: EXECUTOR_SOCKET, journal: '/run/executor.journal.jsonl' },
      sensors: { workload: { socket: SENSOR_SOCKET, arguments: flags } },
    },
  };
  return startLauncher(FOLDER, more, [TERRACE, 'launch']);
}

/** The daemon's file with these settings for heat, put in the place of the one before at once. */
export function writeConfig({ parameters }: Scenario, settings: Settings): void {
  const { epochMs = 0, trialEpochs = 0, harmEpochs = 0, retryEpochs = 0 } = parameters;
  const scope = {
    ...{ cgroup: CGROUP, sensor: SENSOR_SOCKET, epochMs, policy: 'heat', settings, trialEpochs },
    limits: { harmEpochs, harmShareMax: 0.05, retryEpochsMin: retryEpochs, retryEpochsMax: retryEpochs },
    host: PATIENT,
  };
  const config = {
    ...{ executor: EXECUTOR_SOCKET, launcher: LAUNCHER_SOCKET, control: CONTROL_SOCKET },
    ...{ decisions: join(HOME, 'decisions'), scopes: { [SCOPE]: scope } },
  };
  const written = `${CONFIG}.new`;
  // JSON is YAML.
  writeFileSync(written, JSON.stringify(config), { mode: 0o644 });
  renameSync(written, CONFIG);
}

/** A daemon process, and the client of its socket. */
export interface Daemon {
  readonly control: ControlClient;
  status(): Promise<ScopeStatus>;
  /** Every epoch so far, and who decided it. */
  decisions(): readonly Decision[];
  /** Resolves when the scope's status is so. */
  becomes(condition: (status: ScopeStatus) => boolean): Promise<void>;
  /** Resolves when so many more epochs are over. */
  pass(epochs: number): Promise<void>;
  /** Resolves with the exit code, or the signal. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** `terrace run`, by a user without any right. */
export async function startDaemon(): Promise<Daemon> {
  for (const folder of [HOME, join(HOME, 'decisions')]) {
    mkdirSync(folder);
    chownSync(folder, RUNTIME.uid, RUNTIME.gid);
  }
  const flags = ['--report-on-signal', `--report-directory=${HOME}`, '--report-filename=report.json'];
  const child = spawn(process.execPath, [...flags, TERRACE, 'run', '--config', CONFIG], {
    ...RUNTIME,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await until(() => existsSync(CONTROL_SOCKET) || hasEnded());
  if (hasEnded()) throw new Error(`terrace run ended with ${child.exitCode ?? child.signalCode}`);
  const control = demand(await connectControl(CONTROL_SOCKET));

  async function status(): Promise<ScopeStatus> {
    const [scope] = demand(await control.status()).scopes;
    return scope!;
  }

  const becomes: Daemon['becomes'] = (condition) =>
    until(async () => condition(await status()), STATUS_POLL_MS);

  return {
    ...{ control, status, becomes },
    decisions: () =>
      readFileSync(join(HOME, 'decisions', `${SCOPE}.jsonl`), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Decision),
    async pass(epochs) {
      const { epoch: now } = await status();
      await becomes(({ epoch }) => epoch >= now + epochs);
    },
    async end(signal) {
      await control.close();
      const overdue = setTimeout(() => void tellWhatHolds(child), END_MS_MAX);
      const ended = await end(child, signal);
      clearTimeout(overdue);
      return ended;
    },
  };
}

/** A daemon that does not end: ends it, and the run with what it waits for, as Node's own report has it. */
async function tellWhatHolds(child: ChildProcess): Promise<never> {
  const file = join(HOME, 'report.json');
  child.kill('SIGUSR2');
  await until(() => existsSync(file));
  const { libuv } = JSON.parse(readFileSync(file, 'utf8')) as { readonly libuv: readonly object[] };
  const open = readdirSync(`/proc/${child.pid}/fd`).map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
  child.kill('SIGKILL');
  throw new Error(`terrace run did not end within ${END_MS_MAX} ms: ${JSON.stringify({ libuv, open })}`);
}
