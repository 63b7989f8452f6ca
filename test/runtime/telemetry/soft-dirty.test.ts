import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { REGION_FLAG } from '../../../runtime/contract.ts';
import { writableRanges } from '../../../runtime/telemetry/sensor-maps.ts';
import { createSoftDirtySource } from '../../../runtime/telemetry/sensor-soft-dirty.ts';
import {
  createProcTree,
  EXCLUSIVE,
  PAGES_PER_BLOCK,
  PRESENT,
  SOFT_DIRTY,
  SWAPPED,
  type ProcTree,
} from './proc-tree.ts';

const HEAP = '10000000-10004000 rw-p 00000000 00:00 0 [heap]';
const HEAP_PAGE = 0x10000;
const OWN = PRESENT | EXCLUSIVE;
const onNode1 = BigInt(PAGES_PER_BLOCK);

let tree: ProcTree;
let nowMs: number;
const open = () =>
  createSoftDirtySource({
    root: tree.root,
    members: { kind: 'cgroup', path: '/work' },
    samplingPeriod: 10,
    nowMs: () => nowMs,
  });

beforeEach(() => {
  tree = createProcTree();
  nowMs = 1000;
  tree.addProcess(7, [HEAP]);
  tree.setMembers([7]);
});
afterEach(() => tree.remove());

describe('soft-dirty source', () => {
  test('the first epoch knows where pages are, the second which were written', async () => {
    const source = open();
    tree.setPagemap(
      7,
      new Map([
        [HEAP_PAGE, OWN | SOFT_DIRTY | 5n],
        [HEAP_PAGE + 2, OWN | SOFT_DIRTY | onNode1],
      ]),
    );
    const first = await source.next();
    expect(first).toMatchObject({
      ok: true,
      value: {
        owners: [{ pid: 7, startTimeTicks: 100, stackStart: '140700000000007' }],
        rows: {
          pageNumber: Float64Array.of(HEAP_PAGE, HEAP_PAGE + 2),
          node: Uint8Array.of(0, 1),
          writes: Uint32Array.of(0, 0),
          coverage: Uint8Array.of(0, 0),
        },
      },
    });
    expect(readFileSync(path.join(tree.root, 'proc/7/clear_refs'), 'utf8')).toBe('4');
    nowMs = 1250;
    tree.setPagemap(7, new Map([[HEAP_PAGE, OWN | 5n]]));
    expect(await source.next()).toMatchObject({
      ok: true,
      value: {
        lengthMs: 250,
        samplingPeriod: 10,
        rows: {
          writes: Uint32Array.of(0, 1),
          accesses: Uint32Array.of(0, 1),
          coverage: Uint8Array.of(255, 255),
        },
      },
    });
    await source.close();
  });

  test('swapped pages are on no node, shared ones say so', async () => {
    const source = open();
    tree.setPagemap(
      7,
      new Map([
        [HEAP_PAGE, SWAPPED],
        [HEAP_PAGE + 1, PRESENT | 5n],
      ]),
    );
    expect(await source.next()).toMatchObject({
      ok: true,
      value: { rows: { node: Uint8Array.of(255, 0), flags: Uint8Array.of(0, REGION_FLAG.shared) } },
    });
    await source.close();
  });

  test('processes come, go and replace their memory', async () => {
    const source = open();
    const owners = async () => {
      const sample = await source.next();
      return sample.ok
        ? sample.value.owners.map(({ pid, startTimeTicks }) => `${pid}@${startTimeTicks}`)
        : sample.code;
    };
    expect(await owners()).toEqual(['7@100']);
    tree.addProcess(8, [HEAP], 200);
    tree.setMembers([7, 8]);
    expect(await owners()).toEqual(['7@100', '8@200']);
    tree.endMemory(7);
    tree.setMembers([8]);
    expect(await owners()).toEqual(['8@200']);
    tree.setMembers([]);
    expect(await owners()).toEqual([]);
    await source.close();
  });

  test('a machine that hides its memory blocks is a failure, not an exception', async () => {
    tree.write('sys/devices/system/memory/block_size_bytes', 'what');
    const source = open();
    expect(await source.next()).toMatchObject({ ok: false, code: 'sensor-failed' });
    await source.close();
  });
});

test('writable ranges: private and writable, joined, nothing the kernel provides', () => {
  const maps = [
    '00400000-00401000 r-xp 00000000 08:01 1 /bin/x',
    '00401000-00402000 rw-p 00001000 08:01 1 /bin/x with spaces',
    '00402000-00404000 rw-p 00000000 00:00 0',
    '7f0000000000-7f0000001000 rw-s 00000000 00:01 2 /dev/zero',
    '7ffd00000000-7ffd00002000 rw-p 00000000 00:00 0 [stack]',
    '7ffd00010000-7ffd00012000 rw-p 00000000 00:00 0 [vvar]',
    'nonsense',
  ].join('\n');
  expect(writableRanges(maps)).toEqual([
    { pageNumber: 0x401, pages: 3 },
    { pageNumber: 0x7ffd00000, pages: 2 },
  ]);
});
