import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'rolldown';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import type { Jazzer } from './jazzer.ts';
import type { Target } from './targets.ts';

/** Whichever comes first. */
export interface Bounds {
  readonly seconds: number;
  readonly runs: number;
}

/** More runs than there is time for. */
export const RUNS_MAX = 1_000_000_000;

export interface Fuzzed {
  readonly runs: number;
  /** Edges that were reached. */
  readonly edges: number;
}

/** What a run works with. */
export interface Place {
  /** Of the run alone; `inputs` in it holds what it begins with. */
  readonly folder: string;
  /** Where findings stay. */
  readonly findings: string;
}

/** One input may take this long; its target's memory, all libraries included, may grow to this. */
const INPUT_MS_MAX = 20_000;
const MEMORY_MIB_MAX = 3_072;
/** What a run may take besides its time: to start, and for its last input; and what a merge may take. */
const GRACE_SECONDS = 120;
const MERGE_SECONDS_MAX = 900;
/** Of what is shown of a finding, and of a merge that failed. */
const LINES_MAX = 40;
const LOG_UNITS_MAX = 4096;

/** Jazzer.js counts what is reached in plain JavaScript, so each target becomes one file of it. */
async function bundle({ name }: Target, folder: string): Promise<string> {
  const file = join(folder, `${name}.mjs`);
  await build({
    input: join(import.meta.dirname, 'targets', `${name}.ts`),
    platform: 'node',
    external: /^node:/,
    logLevel: 'warn',
    output: { file, format: 'esm' },
  });
  return file;
}

/**
 * Fuzzes a target, and leaves beside the inputs what else it found to reach something new.
 * A failure is a finding; its message names the file with the input.
 */
export async function fuzz(
  jazzer: Jazzer,
  target: Target,
  { folder, findings }: Place,
  { seconds, runs }: Bounds,
): Promise<Result<Fuzzed, 'finding'>> {
  const file = await bundle(target, folder);
  const inputs = join(folder, 'inputs');
  await mkdir(findings, { recursive: true });
  const words = join(folder, 'words');
  await writeFile(words, (target.words ?? []).map((word) => `${JSON.stringify(word)}\n`).join(''));
  const { status, log } = await start(
    jazzer,
    [
      ...[file, inputs, '--sync', '--timeout', String(INPUT_MS_MAX), '--'],
      ...[`-max_total_time=${seconds}`, `-runs=${runs}`, `-max_len=${target.bytesMax}`],
      ...[`-rss_limit_mb=${MEMORY_MIB_MAX}`, `-artifact_prefix=${findings}/${target.name}-`],
      ...(target.words === undefined ? [] : [`-dict=${words}`]),
    ],
    { folder, seconds: seconds + GRACE_SECONDS },
  );
  const done = /^#(\d+)\s+DONE .*cov: (\d+) /m.exec(log);
  if (status === 0 && done !== null) return success({ runs: Number(done[1]), edges: Number(done[2]) });
  const lines = log.split('\n').filter((line) => !/^(#\d|INFO:|NEW_FUNC)/.test(line));
  return failure('finding', `${target.name}, status ${status}:\n${lines.slice(-LINES_MAX).join('\n')}`);
}

/**
 * Of the inputs in `folder/inputs`, the shortest that together reach all that all of them reach; answers the
 * folder that holds them. libFuzzer starts itself again for it, by the name of the process.
 */
export async function merge(
  { node, script }: Jazzer,
  { name, bytesMax }: Target,
  folder: string,
): Promise<string> {
  const kept = join(folder, 'kept');
  await mkdir(kept);
  const [again, rename] = [join(folder, 'again'), join(folder, 'rename.cjs')];
  const words = node.map((word) => `'${word}'`).join(' ');
  await writeFile(again, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o700 });
  await writeFile(rename, `process.argv[0] = ${JSON.stringify(again)};\n`);
  const { status, log } = await start(
    { node: [...node, '--require', rename], script },
    [
      ...[join(folder, `${name}.mjs`), kept, join(folder, 'inputs')],
      ...['--sync', '--timeout', String(INPUT_MS_MAX)],
      ...['--', '-merge=1', `-max_len=${bytesMax}`, `-rss_limit_mb=${MEMORY_MIB_MAX}`],
    ],
    { folder, seconds: MERGE_SECONDS_MAX },
  );
  if (status !== 0) throw new Error(`no merge of ${name}, status ${status}:\n${log.slice(-LOG_UNITS_MAX)}`);
  return kept;
}

interface Ended {
  readonly status: number | null;
  /** All that it printed. A file keeps what a pipe loses when a process ends as abruptly as libFuzzer does. */
  readonly log: string;
}

function start(
  { node: [command, ...before], script }: Jazzer,
  args: readonly string[],
  { folder, seconds }: { readonly folder: string; readonly seconds: number },
): Promise<Ended> {
  const path = join(folder, 'log');
  const file = openSync(path, 'w');
  const stdio = ['ignore', file, file] as const;
  const bound = { timeout: seconds * 1000, killSignal: 'SIGKILL' } as const;
  const child = spawn(command, [...before, script, ...args], { cwd: folder, stdio: [...stdio], ...bound });
  closeSync(file);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, log: readFileSync(path, 'utf8') }));
  });
}
