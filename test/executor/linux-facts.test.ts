import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FACT, type PageFacts } from '../../executor/kernel.ts';
import { FRAME_HIGH, FRAME_LOW, openFrameFlags } from '../../executor/linux/frame-flags.ts';
import type { PageMover } from '../../executor/linux/move-pages.ts';
import { readPageFacts } from '../../executor/linux/page-facts.ts';
import { openPagemap, PAGEMAP_HIGH } from '../../executor/linux/pagemap.ts';
import { parseNumaMaps } from '../../executor/procfs/numa-maps.ts';
import { success } from '../../executor/result.ts';
import { makeFolder, range } from './held-memory.ts';

/** Files laid out like /proc/kpageflags and /proc/PID/pagemap: states that no program can make at will. */
const frameCount = 2_048;
const pageCount = 2_048;
const pid = 7;

let folder: ReturnType<typeof makeFolder>;
let frames: Uint32Array;
let pagemap: Uint32Array;
const opened: { close(): void }[] = [];

beforeEach(() => {
  folder = makeFolder();
  frames = new Uint32Array(2 * frameCount);
  pagemap = new Uint32Array(2 * pageCount);
});
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
  folder.remove();
});

const { present, exclusive, file, swapped } = PAGEMAP_HIGH;
const { lru, anon, head, tail, thp, uptodate } = FRAME_LOW;

function setFrame(frame: number, low: number, high = 0): void {
  frames.set([low, high], 2 * frame);
}

function mapPage(page: number, frame: number, high: number = present | exclusive): void {
  pagemap.set([frame, high], 2 * page);
}

function setFolio(first: number, pages: number, low: number): void {
  setFrame(first, low | head);
  // As older kernels show tails: nothing but that they are tails.
  for (let frame = first + 1; frame < first + pages; frame++) setFrame(frame, tail);
}

/** Everything is on node 1, but for the pages given another answer. */
function moverAnswering(answers: ReadonlyMap<number, number> = new Map()): PageMover {
  return {
    query(pageNumber, status) {
      for (const [at, page] of pageNumber.entries()) status[at] = answers.get(page) ?? 1;
      return { returned: 0, errno: 0, ns: 1 };
    },
    move: () => ({ returned: 0, errno: 0, ns: 1 }),
  };
}

function keep<T extends { close(): void }>(
  result: { ok: true; value: T } | { ok: false; message: string },
): T {
  if (!result.ok) throw new Error(result.message);
  opened.push(result.value);
  return result.value;
}

interface Asked {
  readonly numaMaps?: string;
  readonly answers?: ReadonlyMap<number, number>;
}

let mapsRead = 0;

function ask(pages: Float64Array, { numaMaps = '0 default', answers }: Asked = {}): PageFacts {
  const facts = askResult(pages, { numaMaps, ...(answers && { answers }) });
  if (!facts.ok) throw new Error(facts.message);
  return facts.value;
}

function askResult(pages: Float64Array, { numaMaps = '0 default', answers }: Asked = {}) {
  mkdirSync(join(folder.path, `proc/${pid}`), { recursive: true });
  writeFileSync(join(folder.path, 'proc/kpageflags'), frames);
  writeFileSync(join(folder.path, `proc/${pid}/pagemap`), pagemap);
  mapsRead = 0;
  return readPageFacts(
    {
      pagemap: keep(openPagemap(folder.path, pid)),
      frames: keep(openFrameFlags(folder.path)),
      mover: moverAnswering(answers),
      readMappings() {
        mapsRead++;
        return success(parseNumaMaps(numaMaps));
      },
    },
    pages,
  );
}

const flagsOf = (low: number, high = 0, entry: number = present | exclusive) => {
  setFrame(9, low, high);
  mapPage(5, 9, entry);
  return ask(range(5, 1)).flags[0];
};

const { movable, mlocked, hugetlb, shared, policyBound } = FACT;

describe('what a frame allows', () => {
  test.each([
    ['on a list', lru, movable],
    ['anonymous and still in a per-CPU batch', anon, movable],
    ['of a file and still in a batch', uptodate, movable],
    ['neither (a ring or driver buffer)', 0, 0],
    ['slab', lru | FRAME_LOW.slab, 0],
    ['free', FRAME_LOW.buddy, 0],
    ['poisoned', anon | FRAME_LOW.hwpoison, 0],
    ['no memory', FRAME_LOW.nopage, 0],
    ['offline', anon | FRAME_LOW.offline, 0],
    ['the zero page', FRAME_LOW.zero | lru, 0],
    ['a page table', FRAME_LOW.pgtable | lru, 0],
    ['unevictable without mlock', anon | FRAME_LOW.unevictable, 0],
    ['marked as merged, which some kernels do to all anonymous memory', anon | lru | (1 << 21), movable],
  ])('%s', (_, low, flags) => {
    expect(flagsOf(low)).toBe(FACT.present | flags);
  });

  test('reserved, locked, hugetlb', () => {
    expect(flagsOf(lru, FRAME_HIGH.reserved)).toBe(FACT.present);
    expect(flagsOf(anon | FRAME_LOW.unevictable, FRAME_HIGH.mlocked)).toBe(FACT.present | mlocked | movable);
    expect(flagsOf(FRAME_LOW.huge)).toBe(FACT.present | hugetlb | movable);
  });

  test('shared and file come from the mapping', () => {
    expect(flagsOf(lru, 0, present)).toBe(FACT.present | movable | shared);
    expect(flagsOf(lru, 0, present | exclusive | file)).toBe(FACT.present | movable | FACT.file);
  });

  test('a frame beyond memory is none', () => {
    mapPage(5, frameCount + 100);
    expect(ask(range(5, 1)).flags[0]).toBe(FACT.present);
  });
});

describe('folios', () => {
  test.each([1, 2, 4, 16, 512])('of %i pages are found from any of their pages', (pages) => {
    const first = 512;
    setFolio(first, pages, anon | lru | (pages > 1 ? thp : 0));
    if (pages === 1) setFrame(first, anon | lru);
    setFolio(first + pages, 2, anon | lru);
    for (let at = 0; at < pages; at++) mapPage(600 + at, first + at);
    const all = ask(range(600, pages));
    expect(new Set(all.folioStart)).toEqual(new Set([600]));
    expect(new Set(all.folioPages)).toEqual(new Set([pages]));
    expect(new Set(all.flags)).toEqual(new Set([FACT.present | movable]));
    const last = ask(range(600 + pages - 1, 1));
    expect([last.folioStart[0], last.folioPages[0], last.flags[0]]).toEqual([
      600,
      pages,
      FACT.present | movable,
    ]);
  });

  test('are shared when a page that was not asked for is', () => {
    setFolio(16, 4, anon | lru);
    for (let at = 0; at < 4; at++) mapPage(40 + at, 16 + at);
    mapPage(42, 18, present);
    expect(ask(range(40, 1)).flags[0]).toBe(FACT.present | movable | shared);
    // Another frame at its address belongs to somebody else's folio.
    mapPage(42, 99, present);
    expect(ask(range(40, 1)).flags[0]).toBe(FACT.present | movable);
  });

  test('mapped from their middle on keep their size', () => {
    setFolio(16, 4, anon | lru);
    mapPage(42, 18);
    const facts = ask(range(42, 1));
    expect([facts.folioStart[0], facts.folioPages[0], facts.flags[0]]).toEqual([
      40,
      4,
      FACT.present | movable,
    ]);
  });

  test('that would begin before the first address are taken page by page', () => {
    setFolio(16, 8, anon | lru);
    mapPage(1, 23);
    const facts = ask(range(1, 1));
    expect([facts.folioStart[0], facts.folioPages[0]]).toEqual([1, 1]);
  });

  test('of two neighbours are told apart', () => {
    setFolio(16, 4, anon | lru);
    setFolio(20, 4, anon | lru);
    for (let at = 0; at < 8; at++) mapPage(40 + at, 16 + at);
    expect([...ask(range(40, 8)).folioStart]).toEqual([40, 40, 40, 40, 44, 44, 44, 44]);
  });
});

describe('rows', () => {
  test('may be scattered, unordered and repeated', () => {
    const pages = Float64Array.of(900, 5, 4, 3, 4, 4, 2_000, 7, 3);
    for (const page of pages) {
      mapPage(page, page - 1);
      setFrame(page - 1, page % 2 ? lru : 0);
    }
    const facts = ask(pages);
    const expected = Array.from(pages, (page) => FACT.present | (page % 2 ? movable : 0));
    expect([...facts.flags]).toEqual(expected);
    expect([...facts.node]).toEqual(Array.from(pages, () => 1));
    expect([...facts.folioStart]).toEqual([...pages]);
  });

  test('beyond user space, beyond the table, swapped or empty are absent', () => {
    mapPage(6, 77, swapped);
    const facts = ask(Float64Array.of(5, 6, pageCount + 9, 2 ** 44, 2 ** 51));
    expect([...facts.flags]).toEqual([0, 0, 0, 0, 0]);
    expect([...facts.node]).toEqual([-1, -1, -1, -1, -1]);
  });

  test('in runs longer than one read', () => {
    const rows = 1_500;
    for (let at = 0; at < rows; at++) {
      mapPage(at + 1, at + 1);
      setFrame(at + 1, at % 3 ? lru : 0);
    }
    const facts = ask(range(1, rows));
    expect(facts.flags.every((flags, at) => flags === (FACT.present | (at % 3 ? movable : 0)))).toBe(true);
  });

  test('that left between two reads are absent, the zero page is there and stays', () => {
    for (const page of [5, 6, 7]) {
      mapPage(page, page);
      setFrame(page, lru);
    }
    const facts = ask(range(5, 3), {
      answers: new Map([
        [5, -2],
        [6, -14],
      ]),
    });
    expect([...facts.flags]).toEqual([0, FACT.present, FACT.present | movable]);
    expect([...facts.node]).toEqual([-1, -1, 1]);
  });

  test('without frame numbers are refused, since nothing could be known of them', () => {
    mapPage(5, 0);
    expect(askResult(range(5, 1))).toMatchObject({ ok: false, code: 'permission-missing' });
  });

  test('of memory that is gone are refused', () => {
    pagemap = new Uint32Array(0);
    expect(askResult(range(5, 1))).toMatchObject({ ok: false, code: 'owner-gone' });
  });
});

describe('memory policies', () => {
  test('bind by range of addresses', () => {
    for (const page of [0x10, 0x1f, 0x20, 0x2f, 0x30]) {
      mapPage(page, page);
      setFrame(page, lru);
    }
    const facts = ask(Float64Array.of(0x10, 0x1f, 0x20, 0x2f, 0x30), {
      numaMaps: '10000 default\n20000 bind:0\n30000 prefer:0\n',
    });
    const bound = Array.from(facts.flags, (flags) => (flags & policyBound) !== 0);
    expect(bound).toEqual([false, false, true, true, false]);
    expect(mapsRead).toBe(1);
  });

  test('are not read where nothing could move', () => {
    mapPage(5, 5);
    ask(range(5, 2));
    expect(mapsRead).toBe(0);
  });

  test('unknown for a page count as binding', () => {
    mapPage(5, 5);
    setFrame(5, lru);
    expect(ask(range(5, 1), { numaMaps: '9000 bind:0\n' }).flags[0] & policyBound).toBe(policyBound);
  });
});
