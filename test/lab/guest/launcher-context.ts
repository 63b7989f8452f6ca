import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export const HOST_UID = 600_000;
export const HOSTS_MAX = 4;
export const RUNTIME = { uid: 65_500, gid: 65_500 } as const;
/** Another user, in the runtime's group. */
export const STRANGER = { uid: 65_501, gid: 65_500 } as const;
export const FOLDER = '/dev/shm/terrace';
export const GROUPS = '/sys/fs/cgroup/terrace';
const POLL_MS = 50;
/** The command line alone may take a minute to load under emulation on a busy host. */
const WAIT_MS_MAX = 180_000;

/** A condition that nothing announces. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  pollMs: number = POLL_MS,
): Promise<void> {
  for (let waited = 0; !(await condition()); waited += pollMs) {
    if (waited > WAIT_MS_MAX) throw new Error(`not so after ${WAIT_MS_MAX} ms: ${condition}`);
    await sleep(pollMs);
  }
}

export interface Launcher {
  readonly socket: string;
  /** Resolves with the exit code, or the signal. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

/** Starts the launcher process and waits until it says that it is ready. `more`: of its configuration. */
export async function startLauncher(
  folder: string,
  more: object,
  command: readonly string[] = ['executor/launch.ts'],
): Promise<Launcher> {
  const file = '/run/launcher.json';
  const hosts = { uidFirst: HOST_UID, countMax: HOSTS_MAX };
  const config = { folder, runtime: RUNTIME, hosts, host: '/terrace/dist/host.mjs', ...more };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const child = spawn(process.execPath, [...command, '--config', file], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (part: Buffer) => {
    said += part.toString();
    process.stderr.write(part);
  });
  await until(() => said.includes('ready at') || child.exitCode !== null || child.signalCode !== null);
  const ended = child.exitCode ?? child.signalCode;
  if (ended !== null) throw new Error(`${command.join(' ')} ended with ${ended}: ${said}`);
  return { socket: join(folder, 'launcher.sock'), end: (signal) => end(child, signal) };
}

/** Resolves with the exit code, or the signal. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | string> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
  return child.exitCode ?? child.signalCode!;
}

/** A process of `user` that runs confined-runtime.ts and answers what it is asked. */
export function startRuntime(socket: string, user: { readonly uid: number; readonly gid: number }) {
  const main = 'test/lab/guest/confined-runtime.ts';
  const child = spawn(process.execPath, [main, socket], { ...user, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(command: string): Promise<Record<string, unknown>> {
      child.stdin.write(`${command}\n`);
      const { value, done } = await lines.next();
      if (done)
        throw new Error(`the runtime ended with ${child.exitCode ?? child.signalCode} at: ${command}`);
      return JSON.parse(value) as Record<string, unknown>;
    },
    end: (signal: NodeJS.Signals) => end(child, signal),
  };
}

/** The fields of /proc/PID/status of every process that runs as a host's user. */
export function hostStatuses(): readonly ReadonlyMap<string, string>[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const status = statusOf(pid);
    const uid = Number(status.get('Uid')?.split('\t')[0]);
    return uid >= HOST_UID && uid < HOST_UID + HOSTS_MAX ? [status] : [];
  });
}

function statusOf(pid: string): ReadonlyMap<string, string> {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n');
    return new Map(lines.map((line) => line.split(/:\s*/, 2) as [string, string]));
  } catch {
    // It went between the listing and the look.
    return new Map();
  }
}

/** Folders of the hosts' groups. */
export function hostGroups(): readonly string[] {
  if (!existsSync(GROUPS)) return [];
  const names = readdirSync(GROUPS).filter((name) => name.startsWith('terrace-host-'));
  return names.map((name) => join(GROUPS, name));
}

export function readNumber(folder: string, file: string): number {
  try {
    return Number(readFileSync(join(folder, file), 'utf8'));
  } catch {
    return 0;
  }
}
