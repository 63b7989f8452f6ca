import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createExecutor } from '../../executor/create-executor.ts';
import { createMemoryJournal } from '../../executor/journal.ts';
import { FRAME, type Kernel } from '../../executor/kernel.ts';
import { openFrameCharges } from '../../executor/linux/frame-charges.ts';
import { readFrameFacts } from '../../executor/linux/frame-facts.ts';
import { FRAME_HIGH, FRAME_LOW, openFrameFlags } from '../../executor/linux/frame-flags.ts';
import { createFrameScan } from '../../executor/linux/frame-scan.ts';
import { openLinuxKernel } from '../../executor/linux/kernel.ts';
import { BOUNDS } from '../../executor/limits.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { readCgroupInodes } from '../../executor/procfs/cgroup-inodes.ts';
import { success } from '../../executor/result.ts';
import { verdictName } from '../../executor/verdict.ts';
import { HELD, type Holder, makeFolder, range, startHolder } from './held-memory.ts';
import { expectValue } from './two-tier.ts';

const folder = makeFolder();
const root = folder.path;
afterAll(folder.remove);

describe('facts about frames', () => {
  const count = 1_024;
  const lanes = new Uint32Array(2 * count);
  const charges = new Uint32Array(2 * count);
  beforeEach(() => {
    mkdirSync(join(root, 'proc'), { recursive: true });
    lanes.fill(0);
    charges.fill(0);
  });

  function read(frames: readonly number[], withCharges = true) {
    writeFileSync(join(root, 'proc/kpageflags'), lanes);
    writeFileSync(join(root, 'proc/kpagecgroup'), charges);
    const flags = expectValue(openFrameFlags(root));
    const opened = withCharges ? expectValue(openFrameCharges(root)) : undefined;
    const facts = readFrameFacts(flags, opened, Float64Array.from(frames));
    flags.close();
    opened?.close();
    return facts;
  }

  const { lru, anon, huge } = FRAME_LOW;
  test.each<[string, number, number, keyof typeof FRAME]>([
    ['anonymous', lru | anon, 0, 'usable'],
    ['of the huge page pool', huge | FRAME_LOW.head, 0, 'usable'],
    ['poisoned, whatever else', anon | FRAME_LOW.hwpoison | FRAME_LOW.buddy, 0, 'poisoned'],
    ['no memory', FRAME_LOW.nopage, 0, 'offline'],
    ['logically offline', FRAME_LOW.offline, 0, 'offline'],
    ['free', FRAME_LOW.buddy, 0, 'free'],
    ['slab', FRAME_LOW.slab, 0, 'kernel'],
    ['a page table', FRAME_LOW.pgtable, 0, 'kernel'],
    ['reserved', 0, FRAME_HIGH.reserved, 'kernel'],
    ['the zero page', FRAME_LOW.zero, 0, 'unmovable'],
    ['nothing known of it', 0, 0, 'unmovable'],
  ])('%s', (_, low, high, state) => {
    lanes.set([low, high], 2 * 100);
    expect(read([100]).state[0]).toBe(FRAME[state]);
  });

  test('beyond memory there is none', () => {
    expect(read([count + 5])).toMatchObject({ state: Uint8Array.of(FRAME.offline) });
  });

  test('a folio is told from each of its frames, with the charge of its head', () => {
    lanes.set([lru | anon | FRAME_LOW.head, 0], 2 * 64);
    for (let frame = 65; frame < 80; frame++) lanes.set([FRAME_LOW.tail, 0], 2 * frame);
    lanes.set([lru | anon, 0], 2 * 80);
    charges.set([4_711, 2], 2 * 64);
    charges.set([12, 0], 2 * 80);
    const facts = read([64, 70, 70, 79, 80]);
    expect([...facts.folioStart]).toEqual([64, 64, 64, 64, 80]);
    expect([...facts.folioPages]).toEqual([16, 16, 16, 16, 1]);
    const inode = 4_711 + 2 * 2 ** 32;
    expect([...facts.charged]).toEqual([inode, inode, inode, inode, 12]);
  });

  test('charges that cannot be read are no charge to nobody; without the file nobody is charged', () => {
    for (const frame of [3, 900]) charges.set([frame, 0], 2 * frame);
    expect([...read([3, 900, count]).charged]).toEqual([3, 900, -1]);
    expect([...read([3], false).charged]).toEqual([0]);
    expect(openFrameCharges(join(root, 'nowhere'))).toEqual(success(undefined));
  });
});

describe('the inodes of cgroups', () => {
  const inode = (path: string) => statSync(join(root, 'sys/fs/cgroup', path)).ino;
  beforeAll(() => {
    for (const path of ['tenant/a/b', 'tenant/c', 'tenancy']) {
      mkdirSync(join(root, 'sys/fs/cgroup', path), { recursive: true });
    }
    writeFileSync(join(root, 'sys/fs/cgroup/tenant/cgroup.procs'), '');
  });

  test('are those of the group and of all below', () => {
    const expected = ['tenant', 'tenant/a', 'tenant/a/b', 'tenant/c'].map(inode);
    expect(readCgroupInodes(root, '/tenant')).toEqual(success(new Set(expected)));
  });

  test('of a group that is not there, or no path, are none', () => {
    expect(readCgroupInodes(root, '/nobody')).toMatchObject({ ok: false, code: 'file-missing' });
    expect(readCgroupInodes(root, '/a/../tenant')).toMatchObject({ ok: false, code: 'scope-malformed' });
  });

  test('are bounded', () => {
    expect(BOUNDS.cgroupsMax).toBe(65_536);
    for (const [groupsMax, ok] of [
      [4, true],
      [3, false],
    ] as const)
      expect(readCgroupInodes(root, '/tenant', groupsMax).ok).toBe(ok);
  });
});

// Page frame numbers need rights that only root is sure to have.
describe.skipIf(process.getuid?.() !== 0)('this machine', () => {
  let kernel: Kernel;
  let holders: Holder[];

  beforeAll(async () => {
    const file = join(root, 'held');
    holders = [await startHolder(file), await startHolder(file)];
    const flags = expectValue(openFrameFlags('/'));
    const scan = createFrameScan({
      root: '/',
      listPids: () => success(holders.map(({ ref }) => ref.pid)),
      flags,
    });
    const mappers = { ...scan, close: () => flags.close() };
    kernel = expectValue(openLinuxKernel({ root: '/', nowNs: () => performance.now() * 1e6, mappers }));
  });
  afterAll(async () => {
    kernel?.close();
    for (const holder of holders ?? []) await holder.end();
  });

  function framesOf({ ref, pages }: Holder, kind: 'plain' | 'file' | 'mlocked' | 'bound'): Float64Array {
    const memory = expectValue(kernel.open(ref));
    const page = range(pages[kind], HELD.pages);
    const frame = new Float64Array(HELD.pages);
    expect(memory.frames(page, frame)).toBe(true);
    expect([...expectValue(memory.facts(page)).frame]).toEqual([...frame]);
    memory.close();
    return frame.toSorted();
  }

  /** What becomes of these frames if they were to go where they are, and what if they were free to go. */
  async function check(frame: Float64Array, target: number): Promise<(string | undefined)[]> {
    const topology = expectValue(kernel.topology());
    const scopes = { own: { members: { kind: 'uid', uid: 0 }, nodes: { '0': {} }, pagesPerEpochMax: 1_000 } };
    const executor = createExecutor({
      ...{ kernel: { ...kernel, close() {} }, journal: createMemoryJournal(), clock: { nowMs: () => 0 } },
      limits: expectValue(parseLimits({ scopes })),
    });
    const outcome = await executor.submit({
      ...{ epoch: 1, scope: 'own', topologyGeneration: topology.generation, headroom: [], owners: [] },
      owner: new Uint16Array(frame.length),
      space: new Uint8Array(frame.length).fill(1),
      pageNumber: frame,
      pages: new Uint32Array(frame.length).fill(1),
      target: new Uint8Array(frame.length).fill(target),
      priority: new Uint16Array(frame.length),
    });
    return Array.from(expectValue(outcome).verdicts, verdictName);
  }

  test.each(['plain', 'file', 'mlocked', 'bound'] as const)(
    'finds the %s frames of a process in place',
    async (kind) => {
      const verdicts = await check(framesOf(holders[0], kind), 0);
      expect(new Set(verdicts)).toEqual(new Set(['in-place']));
    },
  );

  test('tells frames that are no process’ memory', async () => {
    const verdicts = await check(Float64Array.of(0, 2 ** 39), 0);
    expect(verdicts).toEqual(['kernel-memory', 'offline']);
  });

  test('finds both who map a file, and one who maps the rest', () => {
    for (const [kind, count] of [
      ['file', 2],
      ['plain', 1],
    ] as const) {
      const frames = framesOf(holders[0], kind);
      const found = expectValue(kernel.mappers(frames));
      expect(found.pid.length).toBe(count * frames.length);
    }
  });

  test('names processes, and none that is not there', () => {
    const [{ ref }] = holders;
    expect(kernel.refOf(ref.pid)).toEqual(success(ref));
    expect(kernel.refOf(BOUNDS.pidMax - 1).ok).toBe(false);
  });

  test('moves nothing by frame where no system call was named', () => {
    const call = kernel.moveFrames(Float64Array.of(1), Int32Array.of(0), new Int32Array(1), false);
    expect(call).toEqual({ returned: -1, errno: 22, ns: 0 });
  });
});
