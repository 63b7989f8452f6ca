import { FACT, type PageFacts } from '../kernel.ts';
import { mappingOfPage, type NumaMapping } from '../procfs/numa-maps.ts';
import { failure, success, type Result } from '../result.ts';
import { FRAME_HIGH, FRAME_LOW, type Folio, type FrameFlags } from './frame-flags.ts';
import { ERRNO } from './libc.ts';
import type { PageMover } from './move-pages.ts';
import { ENTRIES_PER_READ, frameOf, PAGEMAP_HIGH, type Pagemap } from './pagemap.ts';

export interface FactSources {
  readonly pagemap: Pagemap;
  readonly frames: FrameFlags;
  readonly mover: PageMover;
  /** Costs a page-table walk of the whole process, so it is asked only when a page could move at all. */
  readMappings(): Result<readonly NumaMapping[]>;
}

/** Frames that never migrate, whatever maps them. */
const unmovableLow =
  FRAME_LOW.slab |
  FRAME_LOW.buddy |
  FRAME_LOW.hwpoison |
  FRAME_LOW.nopage |
  FRAME_LOW.offline |
  FRAME_LOW.zero |
  FRAME_LOW.pgtable;

/**
 * Facts about pages, in five passes: pagemap, kpageflags, a move_pages query for the node, the folios'
 * own entries, memory policies. Nothing is kept between calls.
 */
export function readPageFacts(sources: FactSources, pageNumber: Float64Array): Result<PageFacts> {
  const rows = pageNumber.length;
  const low = new Uint32Array(rows);
  const high = new Uint32Array(rows);
  if (!sources.pagemap.entries(pageNumber, low, high)) return gone();
  const facts: PageFacts = {
    flags: new Uint8Array(rows),
    node: new Int16Array(rows).fill(-1),
    folioStart: Float64Array.from(pageNumber),
    folioPages: new Uint32Array(rows).fill(1),
    frame: new Float64Array(rows).fill(-1),
  };
  const located = locate(sources.mover, pageNumber, high, facts);
  if (!located.ok) return located;

  sources.frames.forget();
  let shape: FolioShape | undefined;
  let boundable = false;
  for (let at = 0; at < rows; at++) {
    if (facts.node[at] === -1) continue;
    const frame = frameOf(low[at], high[at]);
    if (frame === 0)
      return failure(
        'permission-missing',
        'pagemap hides frame numbers; run the executor with CAP_SYS_ADMIN',
      );
    facts.frame[at] = frame;
    const folio = sources.frames.folioOf(frame, framesAhead(low, high, at));
    let flags = flagsOfEntry(high[at]) | flagsOfFolio(folio);
    const start = pageNumber[at] - (frame - folio.head);
    if (folio.pages > 1 && start >= 0) {
      if (shape?.start !== start || shape.head !== folio.head)
        shape = readShape(sources.pagemap, start, folio);
      facts.folioStart[at] = start;
      facts.folioPages[at] = folio.pages;
      if (shape.shared) flags |= FACT.shared;
    }
    facts.flags[at] = flags;
    boundable ||= (flags & FACT.movable) !== 0;
  }
  return boundable ? markPolicies(sources, pageNumber, facts) : success(facts);
}

/**
 * Sets `node` of present pages. move_pages with nodes = NULL is exact on every layout, whereas memory blocks
 * may span nodes; a page that left between the two reads counts as absent.
 */
function locate(
  mover: PageMover,
  pageNumber: Float64Array,
  high: Uint32Array,
  facts: PageFacts,
): Result<true> {
  const present: number[] = [];
  for (let at = 0; at < high.length; at++) if (high[at] & PAGEMAP_HIGH.present) present.push(at);
  const pages = Float64Array.from(present, (at) => pageNumber[at]);
  const status = new Int32Array(present.length).fill(-1);
  const call = mover.query(pages, status);
  if (call.returned < 0)
    return failure(
      'query-failed',
      `move_pages query failed with errno ${call.errno}; the owner may have exited, or CAP_SYS_PTRACE is missing`,
    );
  for (const [index, at] of present.entries()) {
    if (status[index] >= 0) facts.node[at] = status[index];
    // The zero page and special mappings: there, but on no node and not to be moved.
    else if (status[index] === -ERRNO.EFAULT) facts.flags[at] = FACT.present;
  }
  return success(true);
}

/** How many rows from `at` on continue with the next frame: worth one read. */
function framesAhead(low: Uint32Array, high: Uint32Array, at: number): number {
  let ahead = 1;
  while (
    at + ahead < low.length &&
    ahead < 64 &&
    low[at + ahead] === low[at] + ahead &&
    high[at + ahead] & PAGEMAP_HIGH.present
  )
    ahead++;
  return ahead;
}

/** KPF_KSM tells nothing of sharing: kernels from 6.9 on set it for all anonymous memory (fs/proc/page.c). */
function flagsOfEntry(high: number): number {
  const shared = (high & PAGEMAP_HIGH.exclusive) === 0;
  return FACT.present | (shared ? FACT.shared : 0) | (high & PAGEMAP_HIGH.file ? FACT.file : 0);
}

function flagsOfFolio(folio: Folio): number {
  const mlocked = (folio.high & FRAME_HIGH.mlocked) !== 0;
  return (
    (mlocked ? FACT.mlocked : 0) |
    (folio.low & FRAME_LOW.huge ? FACT.hugetlb : 0) |
    (isMovable(folio, mlocked) ? FACT.movable : 0)
  );
}

/**
 * A page just faulted in waits in a per-CPU batch with its LRU bit clear, so the missing bit alone refuses
 * nothing: anonymous and up-to-date file pages are on their way to a list. What is left (driver and ring
 * buffers, vdso) is neither. Unevictable without mlock is secret or pinned-down shared memory.
 */
export function isMovable(folio: Folio, mlocked: boolean): boolean {
  if (folio.low & unmovableLow || folio.high & FRAME_HIGH.reserved) return false;
  if (folio.low & FRAME_LOW.huge) return true;
  if (folio.low & FRAME_LOW.unevictable && !mlocked) return false;
  return (folio.low & (FRAME_LOW.lru | FRAME_LOW.anon | FRAME_LOW.uptodate)) !== 0;
}

/** Where a folio of several pages would begin if it is mapped in one piece, and who else maps it. */
interface FolioShape {
  readonly start: number;
  readonly head: number;
  /** Some page of the folio is mapped elsewhere too; it would move along. */
  readonly shared: boolean;
}

function readShape(pagemap: Pagemap, start: number, folio: Folio): FolioShape {
  const rows = Math.min(folio.pages, ENTRIES_PER_READ);
  const low = new Uint32Array(rows);
  const high = new Uint32Array(rows);
  let shared = false;
  if (
    pagemap.entries(
      Float64Array.from({ length: rows }, (_, at) => start + at),
      low,
      high,
    )
  )
    for (let at = 0; at < rows && !shared; at++) {
      const belongs =
        (high[at] & PAGEMAP_HIGH.present) !== 0 && frameOf(low[at], high[at]) === folio.head + at;
      shared = belongs && (high[at] & PAGEMAP_HIGH.exclusive) === 0;
    }
  return { start, head: folio.head, shared };
}

function markPolicies(sources: FactSources, pageNumber: Float64Array, facts: PageFacts): Result<PageFacts> {
  const mappings = sources.readMappings();
  if (!mappings.ok) return mappings;
  if (mappings.value.length === 0) return gone();
  if (!mappings.value.some((mapping) => mapping.policyBound)) return success(facts);
  for (let at = 0; at < pageNumber.length; at++)
    if (
      facts.flags[at] & FACT.present &&
      mappingOfPage(mappings.value, pageNumber[at])?.policyBound !== false
    )
      facts.flags[at] |= FACT.policyBound;
  return success(facts);
}

function gone(): Result<never> {
  return failure('owner-gone', 'the process exited or replaced its memory; drop it from the plan');
}
