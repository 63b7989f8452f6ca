import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createPageMover } from '../../executor/linux/move-pages.ts';

const pages = 100_000;
const batchPages = 4_096;
const rounds = 40;
const warmUpRounds = 4;
const sentinel = 1_000_000;

/**
 * Nanoseconds per page. Rounds are pairs whose order alternates, since the second of a pair finds warmer caches,
 * and the ratio is taken pair by pair: a busy machine slows both of one.
 */
export interface MovePagesFigures {
  readonly pages: number;
  readonly ourNsPerPage: number;
  readonly cNsPerPage: number;
  /** Median of the pairs; goal: at most 1.1. */
  readonly ratio: number;
  /** The quartiles around it, to tell a result from noise. */
  readonly ratioQuartiles: readonly [number, number];
}

/** No-op moves of 100,000 pages of a child to the node they are on: the executor's calls against a C program's. */
export async function benchMovePages(): Promise<MovePagesFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-bench-'));
  const children: ChildProcess[] = [];
  try {
    const binary = join(folder, 'move-pages');
    execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', binary, join(import.meta.dirname, 'move-pages.c')]);
    const holder = startLines(binary, ['hold', String(pages)], children);
    const [pid = 0, first = 0] = (await holder.next()).split(' ').map(Number);
    const twin = startLines(binary, ['move', ...[pid, first, pages, batchPages].map(String)], children);
    const moveAll = prepareMoves(pid, first);
    const askTwin = async () => {
      twin.ask();
      return Number(await twin.next());
    };
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = -warmUpRounds; round < rounds; round++) {
      const early = round % 2 === 0 ? moveAll() : undefined;
      const twinNs = await askTwin();
      const ourNs = early ?? moveAll();
      if (round < 0) continue;
      ours.push(ourNs / pages);
      theirs.push(twinNs / pages);
    }
    const ratios = ours.map((ns, at) => ns / (theirs[at] ?? Number.NaN));
    return {
      ...{ pages, ourNsPerPage: quantile(ours, 0.5), cNsPerPage: quantile(theirs, 0.5) },
      ratio: quantile(ratios, 0.5),
      ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

/** One whole pass; answers its nanoseconds. */
function prepareMoves(pid: number, first: number): () => number {
  const nowNs = () => performance.now() * 1e6;
  const mover = createPageMover(pid, nowNs);
  const pageNumber = new Float64Array(batchPages);
  const node = new Int32Array(batchPages);
  const status = new Int32Array(batchPages);
  return () => {
    const start = nowNs();
    for (let from = 0; from < pages; from += batchPages) {
      const count = Math.min(batchPages, pages - from);
      for (let at = 0; at < count; at++) pageNumber[at] = first + from + at;
      const part = status.subarray(0, count).fill(sentinel);
      const call = mover.move(pageNumber.subarray(0, count), node.subarray(0, count), part);
      if (call.returned !== 0) throw new Error(`move_pages: errno ${call.errno}`);
      for (let at = 0; at < count; at++) if (part[at] !== 0) throw new Error(`status ${part[at]}`);
    }
    return nowNs() - start;
  };
}

interface Lines {
  next(): Promise<string>;
  ask(): void;
}

function startLines(binary: string, args: readonly string[], children: ChildProcess[]): Lines {
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    async next() {
      const line = await lines.next();
      if (line.done)
        throw new Error(`${args[0]} ended with ${child.exitCode ?? (await once(child, 'exit'))[0]}`);
      return line.value;
    },
    ask: () => void child.stdin.write('\n'),
  };
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN;
}
