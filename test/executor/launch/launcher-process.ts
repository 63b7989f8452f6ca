import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listAllPids } from '../../../executor/linux/list-pids.ts';
import { readUids } from '../../../executor/procfs/proc.ts';
import { endProcess } from '../held-memory.ts';

const MEMORY = '/dev/shm';
const MAIN = resolve(import.meta.dirname, '../../../executor/launch.ts');
const TMPFS_MAGIC = 0x0102_1994;
const POLL_MS = 10;
const WAIT_MS_MAX = 20_000;

/** Why no launcher can run here. */
export const excuse =
  process.getuid?.() !== 0
    ? 'a launcher needs root'
    : !existsSync(MEMORY) || statfsSync(MEMORY).type !== TMPFS_MAGIC
      ? 'a launcher needs a tmpfs'
      : undefined;

/** A user who is nobody here, and others for hosts; test files that run at once have their own. */
export const RUNTIME = { uid: 65_520, gid: 65_520 } as const;
const uidFirst = 1_000_000 + (process.pid % 4_096) * 64;

/** A folder in memory that only root can change, where hosts may read. */
export function makeStage() {
  const path = mkdtempSync(join(MEMORY, 'terrace-launch-'));
  chmodSync(path, 0o755);
  const folder = join(path, 'run');
  return {
    path,
    folder,
    socket: join(folder, 'launcher.sock'),
    /** A host in a few lines of JavaScript, in place of the real one. */
    script(name: string, source: string): string {
      const file = join(path, `${name}.mjs`);
      writeFileSync(file, `import fs from 'node:fs';\n${source}\n`, { mode: 0o644 });
      return file;
    },
    config(changes: object): string {
      const file = join(path, 'launcher.json');
      const least = { folder, runtime: RUNTIME, hosts: { uidFirst, countMax: 3 } };
      writeFileSync(file, JSON.stringify({ ...least, ...changes }), { mode: 0o600 });
      chownSync(file, 0, 0);
      return file;
    },
    files: () => (existsSync(folder) ? readdirSync(folder).toSorted() : []),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export type Stage = ReturnType<typeof makeStage>;

export interface LauncherProcess {
  readonly child: ChildProcess;
  /** What it wrote to standard error so far. */
  said(): string;
  /** SIGTERM; resolves with its status. */
  end(): Promise<number | null>;
}

/** Starts a launcher and waits until it is ready, or has ended. */
export async function startLauncher(config: string): Promise<LauncherProcess> {
  const child = spawn(process.execPath, [MAIN, '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part: Buffer) => (said += part.toString()));
  await until(() => said.includes('terrace-launcher: ready at') || child.exitCode !== null);
  return {
    child,
    said: () => said,
    async end() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await Promise.race([once(child, 'exit'), sleep(WAIT_MS_MAX)]);
      }
      const status = child.exitCode;
      await endProcess(child);
      return status;
    },
  };
}

/** The processes of hosts, whoever started them. */
export function hostPids(): readonly number[] {
  const pids = listAllPids('/');
  if (!pids.ok) throw new Error(pids.message);
  return pids.value.filter((pid) => {
    const uids = readUids('/', pid);
    return uids.ok && uids.value.real >= uidFirst && uids.value.real < uidFirst + 64;
  });
}

/** A condition that nothing announces; fails rather than waits for ever. */
export async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += POLL_MS) {
    if (waited > WAIT_MS_MAX) throw new Error(`not so after ${WAIT_MS_MAX} ms: ${condition}`);
    await sleep(POLL_MS);
  }
}
