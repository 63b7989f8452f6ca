import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonStatus } from '../../runtime/control/status.ts';
import { connectControl, type ControlClient } from '../../runtime/control/client.ts';

const root = join(import.meta.dirname, '../..');
const POLL_MS = 20;
const WAIT_MS_MAX = 60_000;

/** A condition that nothing announces. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > WAIT_MS_MAX) throw new Error(`not so after ${WAIT_MS_MAX} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

/** A process of the test's own, whose standard error is kept. */
export interface Running {
  readonly child: ChildProcess;
  said(): string;
  /** Resolves with the exit code, or the signal. */
  end(signal: NodeJS.Signals): Promise<number | string>;
}

export async function start(args: readonly string[], ready: string): Promise<Running> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (part: Buffer) => (text += part.toString()));
  const running: Running = {
    child,
    said: () => text,
    async end(signal) {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill(signal);
        await ended;
      }
      return child.exitCode ?? child.signalCode!;
    },
  };
  await until(() => text.includes(ready) || child.exitCode !== null, `${args.join(' ')}: ${ready}`);
  if (!text.includes(ready)) throw new Error(`${args.join(' ')} ended with ${child.exitCode}: ${text}`);
  return running;
}

/** Executor and sensors that move nothing real; see simulated-services.ts. */
export function startServices(folder: string, ...more: readonly string[]): Promise<Running> {
  return start(['test/daemon/simulated-services.ts', '--folder', folder, ...more], 'ready');
}

export function startDaemon(config: string): Promise<Running> {
  return start(['runtime/cli/terrace.js', 'run', '--config', config], 'terrace: ready');
}

export async function connect(socket: string): Promise<ControlClient> {
  const client = await connectControl(socket);
  if (!client.ok) throw new Error(client.message);
  return client.value;
}

export async function statusOf(client: ControlClient): Promise<DaemonStatus> {
  const status = await client.status();
  if (!status.ok) throw new Error(status.message);
  return status.value;
}

/** Children of a process, and theirs: the policy hosts. */
export function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') parents.set(Number(parent), [...(parents.get(Number(parent)) ?? []), Number(name)]);
    } catch {
      // It went between the listing and the look.
    }
  }
  const below = (each: number): number[] =>
    (parents.get(each) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid);
}

export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^\d+ \(.*\) Z/s.test(stat);
  } catch {
    return false;
  }
}
