import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MAPPERS, type FrameMappers, type FrameMapperSource } from '../../../executor/frame-mappers.ts';
import { createMapperFinder, type FrameWalk } from '../../../executor/linux/find-mappers.ts';
import { createFrameCache, type FrameCache } from '../../../executor/linux/frame-cache.ts';
import { openFrameFlags, type FrameFlags } from '../../../executor/linux/frame-flags.ts';
import { createFrameScan } from '../../../executor/linux/frame-scan.ts';
import { listAllPids } from '../../../executor/linux/list-pids.ts';
import { MAPPER_BOUNDS } from '../../../executor/linux/mapper-bounds.ts';
import type { Result } from '../../../executor/result.ts';
import { createMapperTree, EXCLUSIVE, PRESENT, type MapperTree } from './mapper-tree.ts';

const exclusive = (frame: number): bigint => PRESENT | EXCLUSIVE | BigInt(frame);
const shared = (frame: number): bigint => PRESENT | BigInt(frame);

let tree: MapperTree;
let flags: FrameFlags;
let scan: FrameMapperSource;

/** Frames 1–3 alone, 4–7 a folio; process 10 maps 1, 2 and the folio alone, 10 and 11 share 3. */
beforeEach(() => {
  tree = createMapperTree();
  tree.setFolios([
    ...[1, 2, 3].map((head) => ({ head, pages: 1 })),
    { head: 4, pages: 4 },
    { head: 8, pages: 1 },
  ]);
  tree.addProcess(10, 16, 64);
  tree.addProcess(11, 16, 64);
  tree.setEntry(10, 21, exclusive(1));
  tree.setEntry(10, 22, exclusive(2));
  tree.setEntry(10, 23, shared(3));
  tree.setEntry(11, 33, shared(3));
  for (let i = 0; i < 4; i++) tree.setEntry(10, 40 + i, exclusive(4 + i));
  flags = demand(openFrameFlags(tree.root));
  scan = createFrameScan({ root: tree.root, listPids: () => listAllPids(tree.root), flags });
});
afterEach(() => {
  flags.close();
  tree.remove();
});

function demand<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

const asked = Float64Array.of(1, 2, 3, 4);
const answers = ({ answer }: FrameMappers): number[] => [...answer];

function cacheOf(frames?: number): FrameCache {
  const cache = createFrameCache({ root: tree.root, flags, ...(frames ? { frames } : {}) });
  cache.remember(asked, demand(scan.find(asked)));
  return cache;
}

describe('the cache', () => {
  const { complete, unknown } = MAPPERS;

  test('answers what one process alone maps, and looks again each time', () => {
    const cache = cacheOf();
    const found = demand(cache.find(asked));
    expect(answers(found)).toEqual([complete, complete, unknown, complete]);
    expect([...found.pageNumber]).toEqual([21, 22, 40]);
    expect(found.how).toEqual({ cached: 3, walked: 0, scanned: 0, stale: 0 });
  });

  test('knows nothing of frames it was never told of', () => {
    expect(answers(demand(cacheOf().find(Float64Array.of(8))))).toEqual([unknown]);
  });

  test.each([
    ['moved away', () => tree.setEntry(10, 21, exclusive(8))],
    ['is shared now', () => tree.setEntry(10, 21, shared(1))],
    ['is swapped out', () => tree.setEntry(10, 21, 1n)],
    ['lost its process', () => tree.endMemory(10)],
  ])('gives up a page that %s', (_, change) => {
    const cache = cacheOf();
    change();
    expect(answers(demand(cache.find(asked)))[0]).toBe(unknown);
    expect(demand(cache.find(asked)).how?.stale).toBe(0);
  });

  test('gives up a folio when one page of it is shared, unmapped or elsewhere', () => {
    for (const entry of [shared(6), 0n, exclusive(8)]) {
      const cache = cacheOf();
      tree.setEntry(10, 42, entry);
      expect(answers(demand(cache.find(asked)))[3]).toBe(unknown);
      tree.setEntry(10, 42, exclusive(6));
    }
  });

  test('gives up a frame that is no folio of its own any more', () => {
    const cache = cacheOf();
    tree.setFolios([
      { head: 2, pages: 2 },
      { head: 4, pages: 4 },
    ]);
    expect(answers(demand(cache.find(asked))).slice(1, 3)).toEqual([unknown, unknown]);
  });

  test('never grows: frames that want one place push each other out', () => {
    const known = answers(demand(cacheOf(2).find(asked))).filter((each) => each === complete);
    expect([1, 2]).toContain(known.length);
  });
});

describe('the finder', () => {
  const finderOf = (more: object = {}, residentPages = 1_000) =>
    createMapperFinder({ root: tree.root, scan, residentPages: () => residentPages, ...more });

  test('scans what the cache does not know, and knows it the next time', () => {
    const finder = finderOf({ cache: createFrameCache({ root: tree.root, flags }) });
    const first = demand(finder.find(asked));
    expect(first.how).toEqual({ cached: 0, walked: 0, scanned: 4, stale: 0 });
    const second = demand(finder.find(asked));
    expect(second.how).toEqual({ cached: 3, walked: 0, scanned: 1, stale: 0 });
    for (const column of ['frame', 'pid', 'pageNumber', 'answer'] as const)
      expect(second[column]).toEqual(first[column]);
  });

  /** A walk that says what it is told. */
  function walkOf(
    rows: readonly (readonly [row: number, pid: number, page: number])[],
    answer: number[],
  ): FrameWalk {
    return {
      find: (frame) => ({
        ok: true,
        value: {
          frame: Uint32Array.from(rows, ([row]) => row),
          pid: Uint32Array.from(rows, ([, pid]) => pid),
          pageNumber: Float64Array.from(rows, ([, , page]) => page),
          answer: Uint8Array.from(answer.slice(0, frame.length)),
          folioPages: Uint32Array.from(frame, (head) => (head === 4 ? 4 : 1)),
        },
      }),
      close() {},
    };
  }

  test('takes complete walked answers that pagemap confirms, and scans the others', () => {
    const rows = [
      [0, 10, 21],
      // Stale: page 50 maps nothing.
      [1, 10, 50],
      [2, 10, 23],
      [3, 10, 41],
    ] as const;
    const walk = walkOf(rows, [MAPPERS.complete, MAPPERS.complete, MAPPERS.truncated, MAPPERS.complete]);
    const found = demand(finderOf({ walk }).find(asked));
    expect(found.how).toEqual({ cached: 0, walked: 2, scanned: 2, stale: 1 });
    expect([...found.pid]).toEqual([10, 10, 10, 11, 10]);
    expect([...found.pageNumber]).toEqual([21, 22, 23, 33, 41]);
  });

  test('walks only for a small part of resident memory', () => {
    const walk = walkOf([], [0, 0, 0, 0]);
    let walks = 0;
    const counting = { ...walk, find: (frame: Float64Array) => (walks++, walk.find(frame)) };
    demand(finderOf({ walk: counting }, 4 / MAPPER_BOUNDS.walkPartMax - 1).find(asked));
    expect(walks).toBe(0);
    demand(finderOf({ walk: counting }, 4 / MAPPER_BOUNDS.walkPartMax).find(asked));
    expect(walks).toBe(1);
  });

  test('a walk that fails leaves all to the scan', () => {
    const walk: FrameWalk = { find: () => ({ ok: false, code: 'walk-failed', message: '' }), close() {} };
    expect(demand(finderOf({ walk }).find(asked)).how?.scanned).toBe(4);
  });

  test('refuses a malformed question before anybody is asked', () => {
    expect(finderOf().find(Float64Array.of(2, 1))).toMatchObject({ ok: false, code: 'frames-malformed' });
  });
});
