import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, ftruncateSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { MAPPERS } from '../../../executor/frame-mappers.ts';
import { openFrameWalk } from '../../../executor/linux/bpf/frame-walk.ts';
import { createMemoryFile, mapShared, type SharedMemory } from '../../../executor/linux/bpf/memory.ts';
import { readOwnFrame } from '../../../executor/linux/bpf/own-page.ts';
import { MEMORY_BYTES } from '../../../executor/linux/bpf/walk-memory.ts';
import type { FrameWalk } from '../../../executor/linux/find-mappers.ts';
import { createMapperFinder } from '../../../executor/linux/find-mappers.ts';
import { createFrameCache } from '../../../executor/linux/frame-cache.ts';
import { openFrameFlags, type FrameFlags } from '../../../executor/linux/frame-flags.ts';
import { createFrameScan } from '../../../executor/linux/frame-scan.ts';
import { MAPPER_BOUNDS } from '../../../executor/linux/mapper-bounds.ts';
import type { Result } from '../../../executor/result.ts';
import { compareMappers, headsOf, readMapperTruth } from '../../lab/guest/mapper-truth.ts';
import { makeFolder } from '../held-memory.ts';

const isRoot = process.getuid?.() === 0;
const opened = isRoot ? openFrameWalk() : undefined;
const refused = opened?.ok
  ? ''
  : `no walk here (${opened ? `${opened.code}: ${opened.message}` : 'not root'}); the lab proves it`;
const walk: FrameWalk | undefined = opened?.ok ? opened.value : undefined;

function demand<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

/** Kinds that need nothing of the machine's settings; the lab has KSM and hugetlb besides. */
const kinds = [
  'plain',
  'mlocked',
  'no-access',
  'cow',
  'shmem',
  'memfd',
  'file',
  'thp',
  'thp-cow',
  'thp-parts',
  'memfd-thp',
  'dead-leader',
] as const;

describe.skipIf(!isRoot)('memory of children of our own', () => {
  const folder = makeFolder();
  const binary = join(folder.path, 'mappers');
  let flags: FrameFlags;
  let child: ChildProcess | undefined;
  let pids: readonly number[] = [];

  beforeAll(() => {
    const source = resolve(import.meta.dirname, '../../lab/workloads/mappers.c');
    execFileSync('cc', ['-O2', '-static', '-o', binary, source]);
    flags = demand(openFrameFlags('/'));
  });
  // The next kind shares the program's text with none of them.
  afterEach(async () => {
    if (!child) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    while (pids.some((pid) => existsSync(`/proc/${pid}`))) await sleep(10);
  });
  afterAll(() => {
    flags.close();
    folder.remove();
  });

  async function start(kind: string, children: number): Promise<void> {
    child = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    child.stdin?.write(`map ${kind} 2048 ${children}\n`);
    const words = ((await lines.next()).value as string).trim().split(' ');
    pids = words.slice(3).map(Number);
  }

  test.each(kinds)('%s: scan, walk and finder tell the truth', async (kind) => {
    await start(kind, 3);
    const truth = readMapperTruth(pids);
    const asked = headsOf(truth);
    const all = { wrong: 0, missing: 0, frames: asked.length };
    const scan = createFrameScan({ root: '/', listPids: () => ({ ok: true, value: pids }), flags });
    expect(compareMappers(truth, asked, demand(scan.find(asked)))).toMatchObject({
      ...all,
      complete: asked.length,
    });
    const cache = createFrameCache({ root: '/', flags });
    const finder = createMapperFinder({
      ...{ root: '/', scan, cache, residentPages: () => Number.MAX_VALUE },
      ...(walk ? { walk } : {}),
    });
    for (let round = 0; round < 2; round++) {
      const found = demand(finder.find(asked));
      expect(compareMappers(truth, asked, found)).toMatchObject({ ...all, complete: asked.length });
    }
    if (!walk) return;
    const walked = compareMappers(truth, asked, demand(walk.find(asked)));
    expect(walked).toMatchObject(all);
    expect(walked.complete).toBeGreaterThan(0.97 * asked.length);
  });
});

describe('the walk', () => {
  const files: number[] = [];
  const mapped: SharedMemory[] = [];
  afterEach(() => {
    for (const memory of mapped.splice(0)) memory.unmap();
    for (const fd of files.splice(0)) closeSync(fd);
  });
  afterAll(() => walk?.close());

  /** One page of ours, mapped so many times by this process alone; its frame. */
  function mapOften(times: number): number {
    const fd = demand(createMemoryFile());
    files.push(fd);
    ftruncateSync(fd, 4_096);
    for (let i = 0; i < times; i++) mapped.push(demand(mapShared(fd, 4_096)));
    new Uint8Array(mapped.at(-1)?.view as ArrayBuffer)[0] = 1;
    return demand(readOwnFrame((mapped.at(-1)?.address as number) / 4_096));
  }

  function ask(frame: number, context: { skip(note: string): void }) {
    if (!walk) return context.skip(refused) as never;
    return demand(walk.find(Float64Array.of(frame)));
  }

  test('finds every mapping of a page that is mapped often', (context) => {
    const found = ask(mapOften(400), context);
    expect([...found.answer]).toEqual([MAPPERS.complete]);
    expect(new Set(found.pageNumber)).toEqual(new Set(mapped.map(({ address }) => address / 4_096)));
    expect(new Set(found.pid)).toEqual(new Set([process.pid]));
  });

  test('stops after its steps and says so', (context) => {
    const found = ask(mapOften(MAPPER_BOUNDS.walkStepsPerFrame + 100), context);
    expect([...found.answer]).toEqual([MAPPERS.truncated]);
    expect(found.frame.length).toBeLessThanOrEqual(MAPPER_BOUNDS.walkStepsPerFrame);
  });

  test('takes more frames than one call does', (context) => {
    const fd = demand(createMemoryFile());
    files.push(fd);
    const pages = MAPPER_BOUNDS.walkFramesPerCall + 1;
    ftruncateSync(fd, pages * 4_096);
    const memory = demand(mapShared(fd, pages * 4_096));
    mapped.push(memory);
    new Uint8Array(memory.view).fill(1);
    const frames = Float64Array.from({ length: pages }, (_, i) =>
      demand(readOwnFrame(memory.address / 4_096 + i)),
    );
    frames.sort();
    if (!walk) return context.skip(refused);
    const found = demand(walk.find(frames));
    expect(found.answer.filter((each) => each === MAPPERS.complete)).toHaveLength(pages);
    expect(found.frame).toHaveLength(pages);
  });

  test('frames beyond memory are unknown', (context) => {
    const found = ask(MAPPER_BOUNDS.frameEnd - 1, context);
    expect([...found.answer]).toEqual([MAPPERS.unknown]);
  });

  test('shares no more than 2 MiB with the kernel', () => {
    expect(MEMORY_BYTES).toBeLessThanOrEqual(2 * 2 ** 20);
  });

  test('refuses a machine that lacks what it needs', () => {
    const folder = makeFolder();
    expect(openFrameWalk(folder.path)).toMatchObject({ ok: false, code: 'file-missing' });
    folder.remove();
  });

  test('once closed, answers no more', (context) => {
    const other = isRoot ? openFrameWalk() : undefined;
    if (!other?.ok) return context.skip(refused);
    other.value.close();
    expect(other.value.find(Float64Array.of(1))).toMatchObject({ ok: false, code: 'walk-closed' });
  });
});
