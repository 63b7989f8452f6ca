import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type { Confinement, ConfinementReport } from '../../../executor/confinement.ts';
import type { Attempt, Means } from './escapee.ts';

const root = join(import.meta.dirname, '../../..');
const stage = join(root, 'executor/confine.ts');
const STRAY = 20;

/** A user, and a group of the same number; undefined = whoever runs the tests. */
export type User = number | undefined;

export interface Ended {
  readonly report: ConfinementReport | undefined;
  readonly attempts: readonly Attempt[];
  readonly output: string;
  readonly complaint: string;
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Scene {
  /** A script in the host's place, with the addon that it needs. */
  readonly script: string;
  /** A file that a host is not told of. */
  readonly file: string;
  /** Runs Node through the stage, started by `starter`, held by `asked`. */
  begin(asked: Partial<Confinement>, starter: User, command: readonly string[]): ChildProcess;
  /** Tries to break out, in every way or `only` in one: confined, or with `asked` undefined as `starter` is. */
  escape(asked: Partial<Confinement> | undefined, starter: User, only?: string): Promise<Ended>;
  close(): void;
}

export function openScene(): Scene {
  const base = mkdtempSync(join(tmpdir(), 'terrace-confine-'));
  const [script, file, shared] = [join(base, 'escapee.mjs'), join(base, 'file'), join(base, 'shared')];
  writeFileSync(script, stripTypeScriptTypes(readFileSync(join(import.meta.dirname, 'escapee.ts'), 'utf8')));
  for (const path of [file, shared]) writeFileSync(path, 'a secret');
  chmodSync(base, 0o755);
  for (const path of [file, script, shared]) chmodSync(path, 0o666);
  const platform = createRequire(import.meta.url).resolve('@koromix/koffi-linux-x64/package.json');
  const addon = join(dirname(platform), 'linux_x64/koffi.node');
  const readable = [script, addon];
  const server = createServer();
  const abstract = `terrace-confine-${process.pid}`;
  server.listen(`\0${abstract}`);

  function start(command: readonly string[], user: User): ChildProcess {
    const [sharedEnd, strayEnd] = [openSync(shared, 'r'), openSync(file, 'r')];
    const others = Array.from({ length: STRAY - 5 }, () => 'ignore' as const);
    const child = spawn(process.execPath, command, {
      ...{ cwd: '/', env: {} },
      ...identity(user),
      stdio: ['pipe', 'pipe', 'pipe', sharedEnd, 'pipe', ...others, strayEnd],
    });
    for (const end of [sharedEnd, strayEnd]) closeSync(end);
    return child;
  }

  function begin(asked: Partial<Confinement>, starter: User, command: readonly string[]): ChildProcess {
    const confinement = { readable, descriptorsMax: 64, ...asked };
    return start([stage, JSON.stringify(confinement), '--', process.execPath, ...command], starter);
  }

  return {
    ...{ script, file, begin },
    async escape(asked, starter, only) {
      const user = asked?.user?.uid ?? starter;
      const target = spawn('sleep', ['60'], { stdio: 'ignore', ...identity(user) });
      await once(target, 'spawn');
      const folder = mkdtempSync(join(base, 'open-'));
      chmodSync(folder, 0o777);
      const means: Means = {
        ...{ koffi: addon, target: target.pid!, file, folder, stray: STRAY, abstract },
        harmless: asked === undefined,
        ...(only !== undefined && { only }),
      };
      const command = [script, JSON.stringify(means)];
      const ended = await collect(
        asked === undefined ? start(command, starter) : begin(asked, starter, command),
      );
      target.kill('SIGKILL');
      return ended;
    },
    close() {
      server.close();
      rmSync(base, { recursive: true });
    },
  };
}

function identity(user: User): { readonly uid?: number; readonly gid?: number } {
  return user === undefined ? {} : { uid: user, gid: user };
}

/** Whether that user could start Node at all, and read the sources and the addon of this clone. */
export function isInReach(user: number): boolean {
  const read = `for (const f of ${JSON.stringify([stage])}) require('node:fs').accessSync(f)`;
  const { status } = spawnSync(process.execPath, ['-e', read], { uid: user, gid: user, env: {}, cwd: '/' });
  return status === 0;
}

/** All that it wrote and how it ended. */
export async function collect(child: ChildProcess): Promise<Ended> {
  const exited = once(child, 'close') as Promise<[number | null, string | null]>;
  const [output, complaint, line] = await Promise.all(
    [child.stdout, child.stderr, child.stdio[4] as Readable].map((stream) => text(stream!)),
  );
  const [code, signal] = await exited;
  const attempts = output!.split('\n').filter((row) => row.startsWith('{"name"'));
  return {
    ...{ output: output!, complaint: complaint!, code, signal },
    report: line === '' ? undefined : (JSON.parse(line!) as ConfinementReport),
    attempts: attempts.map((row) => JSON.parse(row) as Attempt),
  };
}
