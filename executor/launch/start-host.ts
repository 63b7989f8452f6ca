import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { BELTS, readReport, REPORT_BOUNDS } from '../confinement.ts';
import type { Belt, Confinement, ConfinementReport } from '../confinement.ts';
import { failure, success, type Result } from '../result.ts';
import { makeCgroup, ranOutOfMemory, removeCgroup } from './cgroup.ts';
import type { LaunchConfig } from './config.ts';
import { makeHostFiles } from './host-files.ts';
import { LAUNCH_BOUNDS } from './limits.ts';
import type { HostExit, HostPaths } from './messages.ts';

const REPORT = 4;

/**
 * The stage, which confines itself and becomes the host: as one file it starts in half the time. From sources that lies
 * in dist/ and may not be built yet; in an installed package it is there.
 */
const extension = extname(import.meta.filename);
const bundledStage = join(import.meta.dirname, extension === '.ts' ? '../../dist' : '../..', 'confine.mjs');
const stageFile = existsSync(bundledStage)
  ? bundledStage
  : join(import.meta.dirname, `../confine${extension}`);

/** A host from its first process to the last trace of it. */
export interface LiveHost {
  readonly paths: HostPaths;
  /** What holds it, once that is so. */
  readonly confined: Promise<Result<ConfinementReport, 'host-failed'>>;
  /** The runtime has its ends. */
  opened(): void;
  /** SIGKILL, to everything in it. */
  kill(): void;
  /** Resolves when process, files and cgroup are gone. `clean` = all of them are. */
  readonly gone: Promise<{ readonly exit: HostExit; readonly clean: boolean }>;
}

/** Starts host number `host` as user `uid`. Whatever it gets is said by `config`. */
export function startHost(config: LaunchConfig, host: number, uid: number): Result<LiveHost, 'host-failed'> {
  const files = makeHostFiles(config, host);
  if (!files.ok) return files;
  const { paths, ends, release, readComplaint, forget } = files.value;
  let cgroup: string | undefined;
  let child: ChildProcess;
  try {
    cgroup = config.cgroup && makeCgroup(config.cgroup, host);
    const confinement = JSON.stringify(confinementOf(config, uid, cgroup));
    const command = [stageFile, confinement, '--', config.node, ...config.flags, config.hostFile];
    // A group of processes of its own, so that a signal to it reaches all of it and no signal to ours does.
    child = spawn(config.node, command, {
      ...{ cwd: '/', env: {}, detached: true },
      stdio: [...ends, 'pipe'],
    });
  } catch (error) {
    release();
    forget();
    if (cgroup !== undefined) void removeCgroup(cgroup);
    return failure('host-failed', `no host can be started: ${(error as Error).message}`);
  }
  release();

  const ended = exitOf(child);
  const report = readLine(child.stdio[REPORT] as Readable);
  const confined = judgeReport(report, required(cgroup), ended, readComplaint);
  const overdue = setTimeout(kill, LAUNCH_BOUNDS.startMsMax);
  void report.then(() => clearTimeout(overdue));

  function kill(): void {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      child.kill('SIGKILL');
    }
  }

  async function cleanUp(): Promise<{ exit: HostExit; clean: boolean }> {
    const how = await ended;
    // Why it did not start is still to be read there.
    await confined;
    forget();
    const outOfMemory = cgroup !== undefined && ranOutOfMemory(cgroup);
    const clean = cgroup === undefined || (await removeCgroup(cgroup));
    return { exit: { host, ...how, outOfMemory }, clean };
  }

  return success({ paths, confined, opened: forget, kill, gone: cleanUp() });
}

/** Landlock alone may be missing, since kernels are built without it; the report says so. */
function required(cgroup: string | undefined): readonly Belt[] {
  return BELTS.filter((belt) => belt !== 'landlock' && (belt !== 'cgroup' || cgroup !== undefined));
}

function confinementOf(config: LaunchConfig, uid: number, cgroup: string | undefined): Confinement {
  return {
    readable: [config.hostFile],
    user: { uid, gid: uid },
    ...(cgroup !== undefined && { cgroup }),
    descriptorsMax: LAUNCH_BOUNDS.hostDescriptors,
    required: required(cgroup),
  };
}

type Ending = Pick<HostExit, 'code' | 'signal'>;

function exitOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** What the stage writes until it becomes the host, or ends: that closes the pipe. */
async function readLine(pipe: Readable): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of pipe as AsyncIterable<Buffer>) {
      parts.push(part);
      bytes += part.length;
      if (bytes > REPORT_BOUNDS.bytesMax || part.includes(10)) break;
    }
  } catch {
    // A pipe that breaks tells no more than one that ends.
  }
  return Buffer.concat(parts).toString('utf8');
}

async function judgeReport(
  line: Promise<string>,
  needed: readonly Belt[],
  ended: Promise<Ending>,
  readComplaint: () => string,
): Promise<Result<ConfinementReport, 'host-failed'>> {
  const report = parseReport(await line);
  if (report && !report.missing.some(({ belt }) => needed.includes(belt))) return success(report);
  const { code, signal } = await ended;
  const complaint = readComplaint().replaceAll(/[^\x20-\x7e]+/g, ' ');
  return failure(
    'host-failed',
    `the stage of a host ended with ${signal ?? code} and did not become one${complaint && `: ${complaint}`}`,
  );
}

function parseReport(line: string): ConfinementReport | undefined {
  try {
    return readReport(JSON.parse(line));
  } catch {
    return undefined;
  }
}
