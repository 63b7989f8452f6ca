import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A C program beside a bench of ours: one round and one line with its nanoseconds for every line it is sent. */
export interface Twin {
  round(): Promise<readonly number[]>;
}

/** What a C twin is started in: a folder for files both read, gone afterwards. */
export interface TwinFolder {
  readonly path: string;
  start(...args: readonly string[]): Twin;
}

/** Nanoseconds; the ratio is the median over pairs, whose order alternates: a busy machine slows both of one. */
export interface PairFigures {
  readonly ourNs: number;
  readonly cNs: number;
  readonly ratio: number;
  readonly ratioQuartiles: readonly [number, number];
}

/** Compiles test/bench/NAME.c and runs a bench beside it. */
export async function besideC<T>(name: string, bench: (folder: TwinFolder) => Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'terrace-bench-'));
  const children: ChildProcess[] = [];
  try {
    const binary = join(path, name);
    const source = join(import.meta.dirname, `${name}.c`);
    execFileSync('cc', ['-O2', '-march=native', '-Wall', '-Wextra', '-Werror', '-o', binary, source]);
    return await bench({ path, start: (...args) => startTwin(binary, args, children) });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(path, { recursive: true });
  }
}

function startTwin(binary: string, args: readonly string[], children: ChildProcess[]): Twin {
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async round() {
      child.stdin.write('\n');
      const line = await lines.next();
      if (line.done)
        throw new Error(`${binary} ended with ${child.exitCode ?? (await once(child, 'exit'))[0]}`);
      return line.value.split(' ').map(Number);
    },
  };
}

/** `ours` does one round and answers its nanoseconds; the twin answers its own first. */
export async function comparePairs(
  ours: () => number,
  twin: Twin,
  { rounds, warmUpRounds }: { readonly rounds: number; readonly warmUpRounds: number },
): Promise<PairFigures> {
  const ourNs: number[] = [];
  const cNs: number[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const early = round % 2 === 0 ? ours() : undefined;
    const [twinNs = Number.NaN] = await twin.round();
    const late = early ?? ours();
    if (round < 0) continue;
    ourNs.push(late);
    cNs.push(twinNs);
  }
  const ratios = ourNs.map((ns, at) => ns / (cNs[at] ?? Number.NaN));
  return {
    ...{ ourNs: quantile(ourNs, 0.5), cNs: quantile(cNs, 0.5), ratio: quantile(ratios, 0.5) },
    ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN;
}
