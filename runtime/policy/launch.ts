import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { closeSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { packageRoot } from '../package-root.ts';
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
}

/** Starts a policy host. A launcher that confines it takes this one's place. */
export type Launch = () => Promise<Result<LaunchedHost, 'host-failed'>>;

/**
 * Node's permission model denies files, network, addons, workers and child processes; it is a seat belt,
 * not the wall. Without Liftoff and lazy compilation a policy is compiled once and wholly, within the load
 * deadline, and its first epoch is as fast as its last.
 */
const NODE_FLAGS = [
  '--permission',
  '--no-liftoff',
  '--no-wasm-lazy-compilation',
  '--disallow-code-generation-from-strings',
];

/** The bundle that `npm run build` writes. */
export const hostFile = join(packageRoot, 'dist/host.mjs');

/** Hosts as child processes of this one, on the same Node, with an empty environment. */
export function launchChild(file: string = hostFile): Launch {
  return async () => {
    if (!existsSync(file))
      return failure('host-failed', `there is no policy host at ${file}: run \`npm run build\``);
    try {
      return success(spawnHost(file));
    } catch (error) {
      return failure('host-failed', `no policy host could be started: ${(error as Error).message}`);
    }
  };
}

function spawnHost(file: string): LaunchedHost {
  const { writable, readOnly } = createSharedFile();
  const stdio: StdioOptions = ['pipe', 'pipe', 'pipe', readOnly];
  try {
    const child = spawn(process.execPath, [...NODE_FLAGS, file], { cwd: '/', env: {}, stdio });
    const [requests, replies, diagnostics] = [child.stdin!, child.stdout!, child.stderr!];
    return {
      requests,
      replies,
      diagnostics,
      shared: writable,
      kill: () => child.kill('SIGKILL'),
      exited: exitOf(child),
    };
  } catch (error) {
    closeSync(writable);
    throw error;
  } finally {
    closeSync(readOnly);
  }
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exited with ${code}` : `was ended by ${signal}`),
    );
  });
}
