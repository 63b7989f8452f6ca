import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { MAPPERS, type FrameMappers } from '../../../executor/frame-mappers.ts';
import { checkFrames } from '../../../executor/linux/check-frames.ts';
import { openFrameFlags } from '../../../executor/linux/frame-flags.ts';
import { createFrameScan } from '../../../executor/linux/frame-scan.ts';
import { listAllPids } from '../../../executor/linux/list-pids.ts';
import { parseMappedRanges } from '../../../executor/linux/mapped-ranges.ts';
import { MAPPER_BOUNDS } from '../../../executor/linux/mapper-bounds.ts';
import { createMapperTree, swapEntry, type Folio, type MapperTree, type Mapping } from './mapper-tree.ts';

let trees: MapperTree[] = [];
const makeTree = (): MapperTree => {
  const tree = createMapperTree();
  trees.push(tree);
  return tree;
};
afterEach(() => {
  for (const tree of trees) tree.remove();
  trees = [];
});

function find({ root }: MapperTree, frames: readonly number[]): FrameMappers {
  const flags = openFrameFlags(root);
  if (!flags.ok) throw new Error(flags.message);
  const scan = createFrameScan({ root, listPids: () => listAllPids(root), flags: flags.value });
  const found = scan.find(Float64Array.from(frames));
  scan.close();
  flags.value.close();
  if (!found.ok) throw new Error(found.message);
  return found.value;
}

const rowsOf = ({ frame, pid, pageNumber }: FrameMappers): number[][] =>
  Array.from(frame, (row, at) => [row, pid[at] as number, pageNumber[at] as number]);

describe('the scan', () => {
  test('names every process, page and part of a folio, in the order of the frames', () => {
    const tree = makeTree();
    tree.setFolios([...[0, 1, 2, 3].map((head) => ({ head, pages: 1 })), { head: 4, pages: 4 }]);
    tree.addProcess(10, 16, 64);
    tree.addProcess(11, 16, 64);
    tree.map({ pid: 10, page: 20, head: 2, offset: 0, pages: 1 });
    tree.map({ pid: 11, page: 30, head: 2, offset: 0, pages: 1 });
    tree.map({ pid: 11, page: 40, head: 4, offset: 1, pages: 2 });
    tree.map({ pid: 11, page: 50, head: 4, offset: 0, pages: 4 });
    const found = find(tree, [2, 3, 4]);
    expect(rowsOf(found)).toEqual([
      [0, 10, 20],
      [0, 11, 30],
      [2, 11, 40],
      [2, 11, 50],
    ]);
    expect([...found.answer]).toEqual([1, 1, 1]);
    expect(found.how).toEqual({ cached: 0, walked: 0, scanned: 3, stale: 0 });
  });

  test('an entry that only names the number of a frame maps nothing', () => {
    const tree = makeTree();
    tree.setFolios([
      { head: 0, pages: 1 },
      { head: 1, pages: 1 },
    ]);
    tree.addProcess(10, 16, 32);
    tree.setEntry(10, 16, swapEntry(1));
    expect(rowsOf(find(tree, [1]))).toEqual([]);
  });

  test('a page in the middle of a huge page that is another one is seen', () => {
    const tree = makeTree();
    const huge = { head: 512, pages: 512 };
    tree.setFolios([{ head: 7, pages: 1 }, huge, { head: 1_024, pages: 1 }]);
    tree.addProcess(10, 512, 1_024);
    tree.map({ pid: 10, page: 512, head: 512, offset: 0, pages: 512 });
    tree.map({ pid: 10, page: 700, head: 7, offset: 0, pages: 1 });
    expect(rowsOf(find(tree, [7]))).toEqual([[0, 10, 700]]);
    expect(rowsOf(find(tree, [7, 512]))).toEqual([
      [0, 10, 700],
      [1, 10, 512],
    ]);
    tree.map({ pid: 10, page: 700, head: 512, offset: 5, pages: 1 });
    expect(rowsOf(find(tree, [512]))).toContainEqual([0, 10, 700]);
  });

  test('a frame that is no head is unknown, and the rest is answered', () => {
    const tree = makeTree();
    tree.setFolios([
      { head: 2, pages: 2 },
      { head: 4, pages: 1 },
    ]);
    tree.addProcess(10, 16, 32);
    tree.map({ pid: 10, page: 16, head: 2, offset: 0, pages: 2 });
    expect([...find(tree, [3, 4]).answer]).toEqual([MAPPERS.unknown, MAPPERS.complete]);
  });

  test('one process that stays closed leaves every answer unknown', () => {
    const tree = makeTree();
    tree.setFolios([{ head: 1, pages: 1 }]);
    tree.addProcess(10, 16, 32);
    tree.addProcess(11, 16, 32);
    tree.map({ pid: 10, page: 16, head: 1, offset: 0, pages: 1 });
    tree.close(11);
    const found = find(tree, [1]);
    expect(rowsOf(found)).toEqual([[0, 10, 16]]);
    expect([...found.answer]).toEqual([MAPPERS.unknown]);
  });

  test('the dead and kernel threads map nothing; a thread that outlives its leader does', () => {
    const tree = makeTree();
    tree.setFolios([{ head: 1, pages: 1 }]);
    tree.addProcess(10, 16, 32);
    tree.endMemory(10);
    tree.addProcess(20, 16, 32, 21);
    tree.map({ pid: 21, page: 17, head: 1, offset: 0, pages: 1 });
    const found = find(tree, [1]);
    // Threads are no entries of a real /proc's listing; here the folder is one, so the thread comes up twice.
    expect(new Set(rowsOf(found).map(String))).toEqual(new Set(['0,21,17']));
    expect([...found.answer]).toEqual([MAPPERS.complete]);
  });

  test('hidden frame numbers are a failure, not an empty answer', () => {
    const tree = makeTree();
    tree.setFolios([{ head: 1, pages: 1 }]);
    tree.addProcess(10, 16, 2_048);
    for (let page = 512; page < 1_100; page++) tree.setEntry(10, page, 1n << 63n);
    expect(() => find(tree, [1])).toThrow('CAP_SYS_ADMIN');
  });

  test('more mappings of a frame than the limit are left out, and it says so', () => {
    const { mappersPerFrameMax } = MAPPER_BOUNDS;
    const tree = makeTree();
    tree.setFolios([
      { head: 1, pages: 1 },
      { head: 2, pages: 1 },
    ]);
    tree.addProcess(10, 16, 4_096);
    for (let i = 0; i <= mappersPerFrameMax; i++) {
      tree.map({ pid: 10, page: 16 + i, head: 1, offset: 0, pages: 1 });
      if (i < mappersPerFrameMax) tree.map({ pid: 10, page: 2_048 + i, head: 2, offset: 0, pages: 1 });
    }
    const found = find(tree, [1, 2]);
    expect([...found.answer]).toEqual([MAPPERS.truncated, MAPPERS.complete]);
    expect(found.frame.length).toBe(2 * mappersPerFrameMax);
  });

  test('memory beyond 32-bit frames is refused', () => {
    const tree = makeTree();
    tree.setFolios([{ head: 1, pages: 1 }]);
    tree.addProcess(10, 16, 32);
    tree.setEntry(10, 16, (1n << 63n) | (1n << 32n) | 1n);
    expect(() => find(tree, [1])).toThrow('16 TiB');
  });
});

describe('a question', () => {
  const codeOf = (...frames: number[]) => checkFrames(Float64Array.from(frames))?.code;

  test.each([
    [[], undefined],
    [[1, 2], undefined],
    [[MAPPER_BOUNDS.frameEnd - 1], undefined],
    [[MAPPER_BOUNDS.frameEnd], 'frames-malformed'],
    [[0], 'frames-malformed'],
    [[2, 1], 'frames-malformed'],
    [[1, 1], 'frames-malformed'],
    [[1.5], 'frames-malformed'],
    [[Number.NaN], 'frames-malformed'],
    [[-1], 'frames-malformed'],
  ])('of frames %j', (frames, code) => {
    expect(codeOf(...frames)).toBe(code);
  });

  test('has so many frames at most', () => {
    const frames = Float64Array.from({ length: MAPPER_BOUNDS.framesMax + 1 }, (_, at) => at + 1);
    expect(checkFrames(frames)?.code).toBe('frames-malformed');
    expect(checkFrames(frames.subarray(1))).toBeUndefined();
  });
});

test('ranges are joined, and the kernel’s own left out', () => {
  const lines = [
    '00010000-00012000 ---p 00000000 00:00 0 ',
    '00012000-00013000 rw-s 00000000 00:01 7 /memfd:a [vdso] (deleted)',
    '7ffd000-7fff000 r-xp 00000000 00:00 0 [vdso]',
    'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]',
    '',
  ];
  expect(parseMappedRanges(lines.join('\n'))).toEqual([{ firstPage: 16, pages: 3 }]);
});

describe('over random machines', () => {
  const folioSizes = [1, 1, 1, 2, 8, 512, 512];
  const pagesPerProcess = 8_192;

  /** Folios one after the other, each aligned to its size, and mappings of parts of them side by side. */
  const machines = fc
    .record({
      sizes: fc.array(fc.constantFrom(...folioSizes), { minLength: 1, maxLength: 12 }),
      mappings: fc.array(
        fc.record({
          pid: fc.integer({ min: 100, max: 103 }),
          folio: fc.nat(),
          offset: fc.nat(),
          pages: fc.nat(),
          gap: fc.integer({ min: 0, max: 600 }),
          aligned: fc.boolean(),
          whole: fc.boolean(),
        }),
        { maxLength: 24 },
      ),
      asked: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    })
    .map(({ sizes, mappings, asked }) => {
      const folios: Folio[] = [];
      let next = 1;
      for (const pages of sizes) {
        const head = Math.ceil(next / pages) * pages;
        folios.push({ head, pages });
        next = head + pages;
      }
      const cursor = new Map<number, number>();
      const placed: Mapping[] = [];
      for (const { pid, folio, offset, pages, gap, aligned, whole } of mappings) {
        const { head, pages: size } = folios[folio % folios.length] as Folio;
        const first = whole ? 0 : offset % size;
        const count = whole ? size : 1 + (pages % (size - first));
        const from = (cursor.get(pid) ?? 16) + gap;
        const page = aligned ? Math.ceil(from / size) * size + first : from;
        if (page + count > pagesPerProcess) continue;
        cursor.set(pid, page + count);
        placed.push({ pid, page, head, offset: first, pages: count });
      }
      return { folios, placed, asked: folios.filter((_, at) => asked[at]) };
    });

  /** One row per process and place of the folio, at its first page there. */
  function truth(asked: readonly Folio[], placed: readonly Mapping[]): string[] {
    const rows = new Set<string>();
    const starts = new Set<string>();
    for (const { pid, page, head, offset } of placed.toSorted((a, b) => a.pid - b.pid || a.page - b.page)) {
      const row = asked.findIndex((folio) => folio.head === head);
      const start = `${row} ${pid} ${page - offset}`;
      if (row < 0 || starts.has(start)) continue;
      starts.add(start);
      rows.add(`${row} ${pid} ${page}`);
    }
    return [...rows].toSorted();
  }

  test('the scan is the truth', () => {
    fc.assert(
      fc.property(machines, ({ folios, placed, asked }) => {
        const tree = makeTree();
        tree.setFolios(folios);
        for (let pid = 100; pid < 104; pid++) tree.addProcess(pid, 16, pagesPerProcess);
        for (const mapping of placed) tree.map(mapping);
        const found = find(
          tree,
          asked.map(({ head }) => head),
        );
        expect(
          rowsOf(found)
            .map((row) => row.join(' '))
            .toSorted(),
        ).toEqual(truth(asked, placed));
        expect([...found.frame]).toEqual([...found.frame].toSorted((a, b) => a - b));
        expect(found.answer.every((each) => each === MAPPERS.complete)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
