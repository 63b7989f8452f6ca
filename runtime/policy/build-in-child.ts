import { execFile, type ExecFileException } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { failure, type Failure } from '../../executor/result.ts';
import { buildMsMax, buildOutputBytesMax, faultTextBytesMax } from '../limits.ts';
import { packageRoot } from '../package-root.ts';
import { readPolicyFile } from './parse/read-policy.ts';
import { plainText } from './reply.ts';
import type { Build, ShelfFault } from './shelf.ts';

const TERRACE = path.join(packageRoot, 'runtime/cli/terrace.js');

export interface ChildBuildOptions {
  /** The `terrace` command. */
  readonly command?: string;
  /** How long one build may take. */
  readonly msMax?: number;
}

/** Builds each source by `terrace build` in a process of its own, since half a second of work would stop an event loop. */
export function createChildBuild({ command = TERRACE, msMax = buildMsMax }: ChildBuildOptions = {}): Build {
  return async (file) => {
    const folder = path.join(tmpdir(), `terrace-build-${randomUUID()}`);
    try {
      await mkdir(folder, { mode: 0o700 });
      const out = path.join(folder, 'policy.wasm');
      const failed = await run([command, 'build', path.resolve(file), '--out', out], file, msMax);
      return failed ?? readPolicyFile(out);
    } catch (error) {
      return failure('build-failed', `${file} cannot be built here: ${(error as Error).message}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

export const buildInChild: Build = createChildBuild();

function run(args: readonly string[], file: string, msMax: number): Promise<Failure<ShelfFault> | undefined> {
  const bounds = { timeout: msMax, maxBuffer: buildOutputBytesMax, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, args, { ...bounds, env: {} }, (error, _, stderr) =>
      resolve(error === null ? undefined : explain(error, stderr, file, msMax)),
    );
  });
}

function explain(error: ExecFileException, stderr: string, file: string, msMax: number): Failure<ShelfFault> {
  const complaint = readComplaint(stderr);
  if (complaint !== undefined) return complaint;
  const said = plainText(Buffer.from(stderr)).trim().slice(0, faultTextBytesMax);
  return failure(
    'build-failed',
    `building ${file} ${howItEnded(error, msMax)}: run \`terrace build ${file}\`${said && `; it said ${said}`}`,
  );
}

function howItEnded({ killed, code }: ExecFileException, msMax: number): string {
  if (killed) return `did not end within ${msMax / 1000} s`;
  return String(code).endsWith('MAXBUFFER') ? `printed more than ${buildOutputBytesMax} bytes` : 'failed';
}

/** What every verb says where it fails; its codes are those of a build. */
function readComplaint(stderr: string): Failure<ShelfFault> | undefined {
  const found = /^terrace: ([a-z-]+): (.+)$/m.exec(stderr);
  return found ? failure(found[1] as ShelfFault, plainText(Buffer.from(found[2]!))) : undefined;
}
