import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MAPPERS } from '../../executor/frame-mappers.ts';
import { openFrameWalk } from '../../executor/linux/bpf/frame-walk.ts';
import { MEMORY_BYTES } from '../../executor/linux/bpf/walk-memory.ts';
import { openFrameFlags } from '../../executor/linux/frame-flags.ts';
import { createFrameScan } from '../../executor/linux/frame-scan.ts';
import { openPagemap } from '../../executor/linux/pagemap.ts';
import type { Result } from '../../executor/result.ts';
import { threadNs } from './thread-time.ts';

const pages = 524_288;
const everyBase = 128;
const everyHuge = 16 * 512;
const planFrames = 4_096;
const manyFrames = 65_536;
const rounds = 24;
const warmUpRounds = 4;

/** Nanoseconds of processor time per resident page; the ratio is the median of pairs whose order alternates. */
export interface ScanFigures {
  readonly ourNsPerPage: number;
  readonly cNsPerPage: number;
  readonly ratio: number;
  readonly ratioQuartiles: readonly [number, number];
}

export interface WalkFigures {
  /** Per frame asked for, 4,096 of them, rows built, nothing verified. */
  readonly nsPerFrame: number;
  /** The same for 65,536: more than caches hold. */
  readonly nsPerFrameOfMany: number;
  readonly nsPerHugeFrame: number;
  /** Until the first question can be asked. */
  readonly openMs: number;
  readonly memoryBytes: number;
}

export interface ResolveFigures {
  readonly pages: number;
  readonly base: ScanFigures;
  readonly huge: ScanFigures;
  /** Undefined where this machine refuses the walk; then `walkRefused` says why. */
  readonly walk: WalkFigures | undefined;
  readonly walkRefused: string;
}

/** Frames of children of our own, resolved by the scan beside a C program's, and by the walk. */
export async function benchResolve(): Promise<ResolveFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'terrace-bench-'));
  const children: ChildProcess[] = [];
  try {
    const binary = join(folder, 'resolve');
    execFileSync('cc', ['-O2', '-Wall', '-Werror', '-o', binary, join(import.meta.dirname, 'resolve.c')]);
    const hold = async (isHuge: boolean) => {
      const lines = startLines(binary, ['hold', `${pages}`, isHuge ? '1' : '0'], children);
      const [pid = 0, first = 0] = (await lines.next()).split(' ').map(Number);
      return { pid, first };
    };
    const small = await hold(false);
    const large = await hold(true);
    const walk = openFrameWalkTimed();
    return {
      pages,
      base: await benchScan(binary, small, everyBase, children),
      huge: await benchScan(binary, large, everyHuge, children),
      walk: walk.ok ? benchWalk(walk.value, small, large) : undefined,
      walkRefused: walk.ok ? '' : walk.message,
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

interface Held {
  readonly pid: number;
  readonly first: number;
}

async function benchScan(
  binary: string,
  { pid, first }: Held,
  every: number,
  children: ChildProcess[],
): Promise<ScanFigures> {
  const twin = startLines(binary, ['scan', ...[pid, first, pages, every].map(String)], children);
  const flags = demand(openFrameFlags('/'));
  const scan = createFrameScan({ root: '/', listPids: () => ({ ok: true, value: [pid] }), flags });
  const frame = framesOf({ pid, first }, every);
  const askOurs = (): number => {
    const start = threadNs();
    const found = demand(scan.find(frame));
    const ns = threadNs() - start;
    if (found.frame.length !== frame.length)
      throw new Error(`${found.frame.length} of ${frame.length} found`);
    return ns;
  };
  const askTwin = async (): Promise<number> => {
    twin.ask();
    const [ns = 0, rows] = (await twin.next()).split(' ').map(Number);
    if (rows !== frame.length) throw new Error(`the twin found ${rows} of ${frame.length}`);
    return ns;
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const early = round % 2 === 0 ? askOurs() : undefined;
    const twinNs = await askTwin();
    const ourNs = early ?? askOurs();
    if (round < 0) continue;
    ours.push(ourNs / pages);
    theirs.push(twinNs / pages);
  }
  scan.close();
  flags.close();
  const ratios = ours.map((ns, at) => ns / (theirs[at] ?? Number.NaN));
  return {
    ourNsPerPage: quantile(ours, 0.5),
    cNsPerPage: quantile(theirs, 0.5),
    ratio: quantile(ratios, 0.5),
    ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

function openFrameWalkTimed() {
  const start = performance.now();
  const opened = openFrameWalk();
  return opened.ok
    ? { ok: true as const, value: { walk: opened.value, openMs: performance.now() - start } }
    : opened;
}

function benchWalk(
  {
    walk,
    openMs,
  }: { walk: Extract<ReturnType<typeof openFrameWalk>, { ok: true }>['value']; openMs: number },
  small: Held,
  large: Held,
): WalkFigures {
  const measure = (frame: Float64Array): number => {
    const ns: number[] = [];
    for (let round = -warmUpRounds; round < rounds; round++) {
      const start = threadNs();
      const found = demand(walk.find(frame));
      if (round >= 0) ns.push((threadNs() - start) / frame.length);
      if (found.answer.some((answer) => answer !== MAPPERS.complete))
        throw new Error('the walk left some out');
    }
    return quantile(ns, 0.5);
  };
  const figures = {
    nsPerFrame: measure(framesOf(small, pages / planFrames)),
    nsPerFrameOfMany: measure(framesOf(small, pages / manyFrames)),
    nsPerHugeFrame: measure(framesOf(large, 512)),
    openMs,
    memoryBytes: MEMORY_BYTES,
  };
  walk.close();
  return figures;
}

/** Frames of every so many pages of a child, ascending. */
function framesOf({ pid, first }: Held, every: number): Float64Array {
  const pagemap = demand(openPagemap('/', pid));
  const pageNumber = Float64Array.from({ length: pages / every }, (_, at) => first + at * every);
  const low = new Uint32Array(pageNumber.length);
  pagemap.entries(pageNumber, low, new Uint32Array(pageNumber.length));
  pagemap.close();
  return Float64Array.from(low).sort();
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

function demand<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)] ?? Number.NaN;
}
