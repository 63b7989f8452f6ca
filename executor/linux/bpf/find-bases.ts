import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { readText } from '../../procfs/read-file.ts';
import { failure, success, type Result } from '../../result.ts';
import { createMap, loadProgram, prepareRun, runProgram, type BpfFault } from './bpf-call.ts';
import type { KernelBases } from './emitter.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { assembleLocate } from './locate-program.ts';
import { mapShared } from './memory.ts';
import { createOwnPage, type OwnPage, type OwnPageFault } from './own-page.ts';
import { SLOT } from './walk-memory.ts';
import { tableShifts } from './walk-page-table.ts';

export type BasesFault = BpfFault | OwnPageFault | 'bases-not-found';

const GIB = 2n ** 30n;
const PAGE_BYTES = 4_096n;
const PAGE_STRUCT_BYTES = 64n;
const SLOT_BYTES = 4_096;
/** The lowest kernel address with four levels of tables; five reach further down. */
const FOUR_LEVELS_FROM = 0xffff_8000_0000_0000n;

/**
 * Finds where the kernel's maps of memory lie, which it randomises at boot, without its symbols: we know the
 * frames of two pages of our own (pagemap), and their folios and our page table are found from our own task. Two
 * pages that agree leave no chance hit.
 */
export function findBases(layout: KernelLayout): Result<KernelBases, BasesFault> {
  const pages: OwnPage[] = [];
  try {
    for (let i = 0; i < 2; i++) {
      const page = createOwnPage();
      if (!page.ok) return page;
      pages.push(page.value);
    }
    return findWith(layout, pages as unknown as readonly [OwnPage, OwnPage]);
  } finally {
    for (const page of pages) page.close();
  }
}

function findWith(layout: KernelLayout, pages: readonly [OwnPage, OwnPage]): Result<KernelBases, BasesFault> {
  const frameEnd = readFrameEnd('/');
  if (frameEnd === 0) return notFound('/proc/zoneinfo shows no memory');
  const first = withLocator(layout, false, (ask) => pages.map((page) => ask(page, 0n)));
  if (!first.ok) return first;
  const [a, b] = first.value.map(({ folio }, i) => folio - BigInt(pages[i].frame) * PAGE_STRUCT_BYTES);
  if (a !== b || a % GIB !== 0n) return notFound('two pages disagree on where struct pages lie');
  const table = first.value[0].table;
  const fiveLevels = table < FOUR_LEVELS_FROM;
  const direct = withLocator(layout, fiveLevels, (ask) => searchDirectMap(table, frameEnd, pages, ask));
  if (!direct.ok) return direct;
  return direct.value === undefined
    ? notFound('no address translates our own pages')
    : success({ frames: a, directMap: direct.value, frameEnd, fiveLevels });
}

/**
 * The direct map starts at a multiple of 1 GiB below our page table, by less than the size of memory. Upwards:
 * then no load ever goes past the end of the map, where devices may be.
 */
function searchDirectMap(
  table: bigint,
  frameEnd: number,
  pages: readonly OwnPage[],
  ask: Ask,
): bigint | undefined {
  const lowest = table - BigInt(frameEnd) * PAGE_BYTES;
  for (let at = lowest - (lowest % GIB); at <= table; at += GIB)
    if (pages.every((page) => ask(page, at).frame === BigInt(page.frame))) return at;
  return undefined;
}

type Ask = (page: OwnPage, candidate: bigint) => { folio: bigint; table: bigint; frame: bigint };

/** Loads the locating program, lets `use` ask it, and takes it away again. */
function withLocator<T>(
  layout: KernelLayout,
  fiveLevels: boolean,
  use: (ask: Ask) => T,
): Result<T, BasesFault> {
  const map = createMap(SLOT_BYTES);
  if (!map.ok) return map;
  const memory = mapShared(map.value, SLOT_BYTES);
  const program = loadProgram(assembleLocate(layout, tableShifts(fiveLevels), map.value));
  try {
    if (!memory.ok) return memory;
    if (!program.ok) return program;
    const slots = new BigUint64Array(memory.value.view);
    const run = prepareRun(program.value);
    return success(
      use((page, candidate) => {
        slots[SLOT.fileAt] = BigInt(page.fd);
        slots[SLOT.candidate] = candidate;
        slots[SLOT.probeAddress] = BigInt(page.address);
        runProgram(run);
        return { folio: slots[SLOT.folio], table: slots[SLOT.table], frame: slots[SLOT.probeFrame] };
      }),
    );
  } finally {
    if (memory.ok) memory.value.unmap();
    if (program.ok) closeSync(program.value);
    closeSync(map.value);
  }
}

/** One past the last frame of any zone; 0 = unknown. */
function readFrameEnd(root: string): number {
  const text = readText(join(root, 'proc/zoneinfo'));
  if (!text.ok) return 0;
  let end = 0;
  let spanned = 0;
  for (const [, name, count] of text.value.matchAll(/^ +(spanned|start_pfn:) +(\d+)$/gm)) {
    if (name === 'spanned') spanned = Number(count);
    else if (spanned > 0) end = Math.max(end, Number(count) + spanned);
  }
  return end;
}

function notFound(why: string): Result<never, BasesFault> {
  return failure(
    'bases-not-found',
    `cannot tell where the kernel maps memory: ${why}; frames resolve by the scan`,
  );
}
