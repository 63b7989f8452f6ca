import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FRAME_LOW } from '../../../executor/linux/frame-flags.ts';
import { createRandom } from '../../../runtime/simulate/random.ts';
import { openFrameFiles } from '../../../runtime/telemetry/sensor-idle/frame-files.ts';
import { createIdlePageSource } from '../../../runtime/telemetry/sensor-idle-pages.ts';
import { readSample } from '../../../runtime/telemetry/sensor-messages.ts';
import { repetitions } from '../../proof.ts';
import { createProcTree, PAGES_PER_BLOCK, type ProcTree } from './proc-tree.ts';

const FRAMES = 2 * PAGES_PER_BLOCK;
const BITMAP = 'sys/kernel/mm/page_idle/bitmap';
const PAGE = BigInt(FRAME_LOW.lru | FRAME_LOW.anon);

let tree: ProcTree;
let flags: BigUint64Array;
let cgroups: BigUint64Array;

const at = (file: string) => path.join(tree.root, file);
const save = (file: string, bytes: Uint8Array | BigUint64Array) => writeFileSync(at(file), bytes);

beforeEach(() => {
  tree = createProcTree();
  flags = new BigUint64Array(FRAMES).fill(BigInt(FRAME_LOW.buddy));
  cgroups = new BigUint64Array(FRAMES);
  tree.write(BITMAP, '');
  tree.write('proc/kpageflags', '');
  save(BITMAP, new Uint8Array(FRAMES / 8));
  save('proc/kpagecgroup', cgroups);
});
afterEach(() => tree.remove());

function open(cgroup?: string) {
  save('proc/kpageflags', flags);
  const memory = openFrameFiles(tree.root, cgroup);
  if (!memory.ok) throw new Error(memory.message);
  return createIdlePageSource({
    ...{ memory: memory.value, mode: 'full', samplingShare: 1, samplingPeriod: 1, nowMs: () => 0 },
    uniform: createRandom(1).uniform,
  });
}

async function look(source: ReturnType<typeof open>) {
  const sample = await source.next();
  if (!sample.ok) throw new Error(sample.message);
  const { pageNumber, node, accesses, coverage } = sample.value.rows;
  return [...pageNumber].map((frame, row) => [frame, node[row], accesses[row], coverage[row]]);
}

const marked = () => {
  const bitmap = readFileSync(at(BITMAP));
  return Array.from({ length: FRAMES }, (_, frame) => frame).filter(
    (frame) => (bitmap[frame >> 3] >> (frame & 7)) & 1,
  );
};

describe('the kernel’s files', () => {
  test('heads are marked, one bit each, and a bit that is gone is an access', async () => {
    const tail = BigInt(FRAME_LOW.tail);
    flags.set([PAGE, PAGE | BigInt(FRAME_LOW.head), tail, tail, tail, PAGE], 31);
    flags[PAGES_PER_BLOCK + 63] = PAGE;
    const source = open();
    const far = PAGES_PER_BLOCK + 63;
    expect(await look(source)).toEqual([31, 32, 36, far].map((frame) => [frame, frame < far ? 0 : 1, 0, 0]));
    expect(marked()).toEqual([31, 32, 36, far]);
    const bitmap = readFileSync(at(BITMAP));
    bitmap[4] = 0b1_0000;
    bitmap[far >> 3] = 0;
    writeFileSync(at(BITMAP), bitmap);
    expect((await look(source)).map(([, , accesses]) => accesses)).toEqual([0, 1, 0, 1]);
    expect(marked()).toEqual([31, 32, 36, far]);
    await source.close();
  });

  test('frames of a cgroup and the groups below it', async () => {
    mkdirSync(at('sys/fs/cgroup/work/below'), { recursive: true });
    mkdirSync(at('sys/fs/cgroup/other'), { recursive: true });
    ['work', 'work/below', 'other', 'work'].forEach((group, frame) => {
      flags[frame] = PAGE;
      cgroups[frame] = statSync(at(`sys/fs/cgroup/${group}`), { bigint: true }).ino;
    });
    flags[4] = PAGE;
    save('proc/kpagecgroup', cgroups);
    const source = open('/work');
    expect((await look(source)).map(([frame]) => frame)).toEqual([0, 1, 3]);
    expect(marked()).toEqual([0, 1, 3]);
    rmSync(at('sys/fs/cgroup/work'), { recursive: true });
    expect(await look(source)).toEqual([]);
    await source.close();
  });

  test.each([
    [BITMAP, 'idle-tracking-missing', /CONFIG_IDLE_PAGE_TRACKING/],
    ['proc/kpageflags', 'page-monitor-missing', /CONFIG_PROC_PAGE_MONITOR/],
    ['proc/kpagecgroup', 'page-monitor-missing', /CONFIG_MEMCG/],
  ])('%s missing is a code with the next step', (file, code, message) => {
    save('proc/kpageflags', flags);
    rmSync(at(file));
    const memory = openFrameFiles(tree.root, '/work');
    expect(memory).toMatchObject({ ok: false, code });
    expect(memory).toHaveProperty('message', expect.stringMatching(message));
  });

  test('kpagecgroup is needed only for a cgroup', () => {
    save('proc/kpageflags', flags);
    rmSync(at('proc/kpagecgroup'));
    expect(openFrameFiles(tree.root)).toMatchObject({ ok: true });
  });

  test('files that end early tell nothing of what lies beyond', async () => {
    flags[100] = flags[PAGES_PER_BLOCK] = PAGE;
    const source = open();
    save(BITMAP, new Uint8Array(16));
    save('proc/kpageflags', flags.subarray(0, 101));
    expect(await look(source)).toEqual([[100, 0, 0, 0]]);
    save('proc/kpageflags', flags.subarray(0, 100));
    expect(await look(source)).toEqual([]);
    await source.close();
  });

  test('whatever they hold, a sample is well-formed', async () => {
    const bytes = fc.uint8Array({ maxLength: 4096, size: 'max' });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 3, maxLength: 3 }), fc.nat(200), async (noise, from) => {
        const [flagNoise, idleNoise, cgroupNoise] = noise;
        const source = open();
        const bytesOfFlags = new Uint8Array(flags.buffer.slice(0, 16_384));
        bytesOfFlags.set(flagNoise, 8 * from);
        save('proc/kpageflags', bytesOfFlags);
        save('proc/kpagecgroup', cgroupNoise);
        for (let epoch = 0; epoch < 3; epoch++) {
          const sample = await source.next();
          expect(sample.ok && readSample(sample.value)).toBeTruthy();
          save(BITMAP, idleNoise);
          save('proc/kpageflags', flagNoise);
        }
        await source.close();
      }),
      { numRuns: repetitions({ slice: 30, full: 2_000 }) },
    );
  });
});
