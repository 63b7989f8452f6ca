import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { readReport, REPORT_BOUNDS } from '../../executor/confinement.ts';
import type { Confinement, ConfinementReport } from '../../executor/confinement.ts';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { hostStartMsMax, hostStderrBytesMax } from '../limits.ts';
import { packageRoot } from '../package-root.ts';
import { plainText } from './reply.ts';
import { createSharedFile } from './shared-file.ts';

/** A policy host that was started: its ends of the pipes, and how to end it. */
export interface LaunchedHost {
  readonly requests: Writable;
  readonly replies: Readable;
  /** Standard error. */
  readonly diagnostics: Readable;
  /** Descriptor of the shared file, to write; whoever launched the host closes it after `exited`. */
  readonly shared: number;
  /** SIGKILL. */
  kill(): void;
  /** How it ended, in words; never rejects. */
  readonly exited: Promise<string>;
  /** What holds it, and what does not. */
  readonly confinement: ConfinementReport;
}

/** Starts a policy host. A launcher that confines it takes this one's place. */
export type Launch = () => Promise<Result<LaunchedHost, 'host-failed'>>;

/**
 * Node's permission model denies files, network, addons, workers and child processes; it is a seat belt,
 * not the wall. Without Liftoff and lazy compilation a policy is compiled once and wholly, within the load
 * deadline, and its first epoch is as fast as its last. Compilers of policies have inlined what is worth it
 * already: V8 doing it again takes twice the time to load, for nothing that could be measured.
 */
const NODE_FLAGS = [
  '--permission',
  '--no-liftoff',
  '--no-wasm-lazy-compilation',
  '--no-wasm-inlining',
  '--disallow-code-generation-from-strings',
];

/** The bundles that `npm run build` writes: the host, and the stage that confines itself and becomes it. */
export const hostFile = join(packageRoot, 'dist/host.mjs');
export const stageFile = join(packageRoot, 'dist/confine.mjs');

const DESCRIPTORS_MAX = 64;
/** The user who owns nothing: a host that root starts never runs as root, where that user can reach Node. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const REPORT = 4;

/** Hosts as child processes of this one, on the same Node, with an empty environment, held as far as this process may. */
export function launchChild(file: string = hostFile, stage: string = stageFile): Launch {
  return async () => {
    const absent = [stage, file].find((needed) => !existsSync(needed));
    if (absent !== undefined)
      return failure('host-failed', `there is no policy host at ${absent}: run \`npm run build\``);
    try {
      return await launchHost(resolve(file), resolve(stage));
    } catch (error) {
      return failure('host-failed', `no policy host could be started: ${(error as Error).message}`);
    }
  };
}

async function launchHost(file: string, stage: string): Promise<Result<LaunchedHost, 'host-failed'>> {
  const { writable, readOnly } = createSharedFile();
  let child: ChildProcess;
  try {
    child = spawnStage(stage, file, readOnly);
  } catch (error) {
    closeSync(writable);
    throw error;
  } finally {
    closeSync(readOnly);
  }
  const [requests, replies, diagnostics] = [child.stdin!, child.stdout!, child.stderr!];
  const kill = (): void => void child.kill('SIGKILL');
  const exited = exitOf(child);
  const confinement = await awaitReport(child, kill);
  if (confinement !== undefined)
    return success({ requests, replies, diagnostics, shared: writable, kill, exited, confinement });
  closeSync(writable);
  kill();
  const complaint = plainText(Buffer.from(await readSome(diagnostics, hostStderrBytesMax), 'latin1'));
  return failure('host-failed', `no policy host was started: its stage ${await exited}: ${complaint.trim()}`);
}

function spawnStage(stage: string, file: string, shared: number): ChildProcess {
  const asked: Confinement = {
    readable: [file],
    descriptorsMax: DESCRIPTORS_MAX,
    ...(process.getuid?.() === 0 && { user: NOBODY }),
  };
  const host = [process.execPath, ...NODE_FLAGS, file];
  return spawn(process.execPath, [stage, JSON.stringify(asked), '--', ...host], {
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'pipe', shared, 'pipe'],
  });
}

/** The stage's one line; nothing where it ended without, or took too long. */
async function awaitReport(child: ChildProcess, kill: () => void): Promise<ConfinementReport | undefined> {
  const overdue = setTimeout(kill, hostStartMsMax);
  const line = await readSome(child.stdio[REPORT] as Readable, REPORT_BOUNDS.bytesMax, '\n');
  clearTimeout(overdue);
  try {
    return readReport(JSON.parse(Buffer.from(line, 'latin1').toString()));
  } catch {
    return undefined;
  }
}

/** Reads to the end, to `last`, or to `bytesMax`: a character per byte. */
async function readSome(stream: Readable, bytesMax: number, last?: string): Promise<string> {
  let text = '';
  try {
    for await (const part of stream.setEncoding('latin1')) {
      text += part;
      if (text.length >= bytesMax || (last !== undefined && text.includes(last))) break;
    }
  } catch {
    // A pipe that breaks tells no more than one that ends.
  }
  return text.slice(0, bytesMax);
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exited with ${code}` : `was ended by ${signal}`),
    );
  });
}
