import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeOfFrame, readMemoryBlocks } from '../../executor/procfs/memory-blocks.ts';
import { readTopology } from '../../executor/procfs/read-topology.ts';
import type { Topology } from '../../executor/topology.ts';
import { parseZoneinfo } from '../../executor/procfs/zoneinfo.ts';
import { makeFolder } from './held-memory.ts';

const fixture = resolve(import.meta.dirname, '../fixtures/machine-hmat');
const nodes = 'sys/devices/system/node';
const tiering = 'sys/devices/virtual/memory_tiering';

let folder: ReturnType<typeof makeFolder>;

beforeEach(() => {
  folder = makeFolder();
  cpSync(fixture, folder.path, { recursive: true });
});
afterEach(() => folder.remove());

function write(file: string, text: string): void {
  mkdirSync(join(folder.path, file, '..'), { recursive: true });
  writeFileSync(join(folder.path, file), text);
}

function remove(file: string): void {
  rmSync(join(folder.path, file), { recursive: true });
}

function read(root = folder.path): Topology {
  const topology = readTopology(root);
  if (!topology.ok) throw new Error(topology.message);
  return topology.value;
}

const tiers = (topology: Topology) => topology.nodes.map(({ node, tier }) => [node, tier]);

describe('the topology of a machine with three tiers', () => {
  test('sums zones, ranks tiers by latency and reads HMAT', () => {
    expect(read().nodes).toEqual([
      // Watermark: high of both zones, a batch of 1 and one of 63; never the per-CPU `high:`.
      {
        ...{ node: 0, tier: 0, hasCpus: true, capacity: 503_840, free: 403_840, watermark: 3_136 },
        ...{ latencyNs: 10, bandwidthMib: 20_480 },
      },
      {
        ...{ node: 1, tier: 1, hasCpus: false, capacity: 258_000, free: 200_000, watermark: 2_063 },
        ...{ latencyNs: 50, bandwidthMib: 4_096 },
      },
      {
        ...{ node: 2, tier: 2, hasCpus: false, capacity: 258_000, free: 250_000, watermark: 2_163 },
        ...{ latencyNs: 150, bandwidthMib: 1_024 },
      },
      // No HMAT entry: unknown, not fast.
      {
        ...{ node: 3, tier: 0, hasCpus: false, capacity: 262_144, free: 262_000, watermark: 2_263 },
        ...{ latencyNs: 0, bandwidthMib: 0 },
      },
    ]);
  });

  test('ranks by distance from CPUs where the kernel has no tiers', () => {
    remove(tiering);
    // 3 is at 17, 1 at 20, 2 at 30.
    expect(tiers(read())).toEqual([
      [0, 0],
      [1, 2],
      [2, 3],
      [3, 1],
    ]);
  });

  test('ranks by distance where a node is in no tier', () => {
    write(`${tiering}/memory_tier46/nodelist`, '\n');
    expect(tiers(read())).toEqual([
      [0, 0],
      [1, 2],
      [2, 3],
      [3, 1],
    ]);
  });

  test('reads distances by the order of online nodes, not by node id', () => {
    remove(tiering);
    remove(`${nodes}/node1`);
    for (const list of ['online', 'has_memory']) write(`${nodes}/${list}`, '0,2-3\n');
    write(`${nodes}/node0/distance`, '10 30 17\n');
    write(`${nodes}/node2/distance`, '30 10 20\n');
    write(`${nodes}/node3/distance`, '17 20 10\n');
    expect(tiers(read())).toEqual([
      [0, 0],
      [2, 2],
      [3, 1],
    ]);
  });

  test('leaves out a node without memory', () => {
    write(`${nodes}/has_memory`, '0-2\n');
    expect(read().nodes.map(({ node }) => node)).toEqual([0, 1, 2]);
  });
});

describe('the generation', () => {
  test('is the same while only free memory changes', () => {
    const before = read().generation;
    const zoneinfo = parseZoneinfoText();
    write('proc/zoneinfo', zoneinfo.replaceAll('250000', '1'));
    expect(read().nodes[2]?.free).toBe(1);
    expect(read().generation).toBe(before);
  });

  test.each([
    ['a node goes', () => write(`${nodes}/has_memory`, '0-2\n')],
    ['a block goes', () => remove(`${nodes}/node3/memory71`)],
    ['a block comes', () => write(`${nodes}/node3/memory72`, '')],
    // Its link stays under the node.
    [
      'a block goes offline',
      () => write('proc/zoneinfo', parseZoneinfoText().replaceAll('262144', '229376')),
    ],
    [
      'a node changes tier',
      () => {
        write(`${tiering}/memory_tier46/nodelist`, '1,3\n');
        write(`${tiering}/memory_tier4/nodelist`, '0\n');
      },
    ],
  ])('changes when %s', (_, change) => {
    const before = read().generation;
    change();
    expect(read().generation).not.toBe(before);
  });

  function parseZoneinfoText(): string {
    const text = readFileSync(join(fixture, 'proc/zoneinfo'), 'utf8');
    expect(parseZoneinfo(text)).toHaveLength(4);
    return text;
  }
});

describe('what is unreadable', () => {
  test.each(['proc/zoneinfo', `${nodes}/has_memory`, `${nodes}/has_cpu`])('%s missing', (file) => {
    remove(file);
    expect(readTopology(folder.path)).toMatchObject({ ok: false, code: 'file-missing' });
  });

  test.each([
    ['proc/zoneinfo', 'Node 0, zone DMA\n  pages free 1\n'],
    ['proc/zoneinfo', ''],
    [`${nodes}/has_memory`, '0-x\n'],
    [`${nodes}/has_memory`, '0-9999999\n'],
  ])('%s malformed: %j', (file, text) => {
    write(file, text);
    expect(readTopology(folder.path)).toMatchObject({ ok: false, code: 'sysfs-malformed' });
  });
});

describe('frames to nodes', () => {
  const pagesPerBlock = 32_768;

  test('by memory block', () => {
    const blocks = readMemoryBlocks(folder.path);
    if (!blocks.ok) throw new Error(blocks.message);
    expect(blocks.value.pagesPerBlock).toBe(pagesPerBlock);
    const nodeAt = (frame: number) => nodeOfFrame(blocks.value, frame);
    expect([0, 16 * pagesPerBlock - 1, 16 * pagesPerBlock].map(nodeAt)).toEqual([0, 0, -1]);
    expect([32, 39, 40, 47, 48, 64, 71, 72].map((block) => nodeAt(block * pagesPerBlock))).toEqual([
      1, 1, 2, 2, -1, 3, 3, -1,
    ]);
  });

  test('a block that spans nodes has none', () => {
    write(`${nodes}/node2/memory39`, '');
    const blocks = readMemoryBlocks(folder.path);
    expect(blocks.ok && nodeOfFrame(blocks.value, 39 * pagesPerBlock)).toBe(-1);
  });

  test('refuses a block index beyond the bound', () => {
    write(`${nodes}/node2/memory8388608`, '');
    expect(readMemoryBlocks(folder.path)).toMatchObject({ ok: true });
    write(`${nodes}/node2/memory8388609`, '');
    expect(readMemoryBlocks(folder.path)).toMatchObject({ ok: false, code: 'sysfs-malformed' });
  });

  test('refuses a block size that is none', () => {
    write('sys/devices/system/memory/block_size_bytes', 'big\n');
    expect(readMemoryBlocks(folder.path)).toMatchObject({ ok: false, code: 'sysfs-malformed' });
  });
});

test('this machine', () => {
  const topology = read('/');
  expect(topology.nodes.length).toBeGreaterThan(0);
  for (const { capacity, free, watermark } of topology.nodes) {
    expect(capacity).toBeGreaterThan(0);
    expect(free).toBeLessThanOrEqual(capacity);
    expect(watermark).toBeGreaterThan(0);
  }
});
