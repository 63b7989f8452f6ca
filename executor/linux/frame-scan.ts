import { MAPPERS, type FrameMapperSource } from '../frame-mappers.ts';
import { procPath } from '../procfs/proc.ts';
import { readText, type ReadFault } from '../procfs/read-file.ts';
import { failure, success, type Result } from '../result.ts';
import { checkFrames, type FramesFault } from './check-frames.ts';
import { createFolioRows, type FolioRows } from './folio-rows.ts';
import { readFolioSizes } from './folio-sizes.ts';
import type { FrameFlags } from './frame-flags.ts';
import { parseMappedRanges, type MappedRange } from './mapped-ranges.ts';
import { MAPPER_BOUNDS } from './mapper-bounds.ts';
import { addMapper, createMapperRows, toMappers, type MapperRows } from './mapper-rows.ts';
import { ENTRIES_PER_READ, openPagemap, PAGEMAP_HIGH, type Pagemap } from './pagemap.ts';
import { listThreads } from './list-pids.ts';
import {
  createTop,
  createWantedFrames,
  isHugePage,
  matchEntries,
  staysInBlock,
  wantsBlock,
  type WantedFrames,
} from './wanted-frames.ts';

export type ScanFault = ReadFault | FramesFault | 'frame-beyond-bounds' | 'frames-hidden';

export interface FrameScanOptions {
  /** Where /proc is found; `/` but in tests. */
  readonly root: string;
  /** The processes to look at, asked again at the end for those that started meanwhile. */
  readonly listPids: () => Result<readonly number[], ReadFault>;
  readonly flags: FrameFlags;
}

/**
 * Finds who maps frames by reading the page tables of processes, through pagemap, in which it looks up every
 * page: exact but for what changes meanwhile, at the cost of all resident memory. The other ways are held
 * against it. A folio counts as mapped where any part of it is. `complete` when no process was closed to us.
 */
export function createFrameScan({ root, listPids, flags }: FrameScanOptions): FrameMapperSource {
  const buffers = createBuffers();
  return {
    find(frame) {
      const fault = checkFrames(frame);
      if (fault) return fault;
      const pages = readFolioSizes(flags, frame);
      const scan = createScan(frame, pages, buffers);
      const closed = scanAll(root, listPids, scan);
      if (!closed.ok) return closed;
      const answer = new Uint8Array(frame.length);
      let scanned = 0;
      for (let row = 0; row < frame.length; row++) {
        answer[row] = answerOf(scan, row, closed.value);
        if (answer[row] !== MAPPERS.unknown) scanned++;
      }
      return success(toMappers(scan.rows, answer, { cached: 0, walked: 0, scanned, stale: 0 }));
    },
    close() {},
  };
}

/** Base pages of a huge page, and the alignment of its addresses. */
const blockPages = 512;

/** What every question uses again: less memory to be cleared by the kernel each time. */
interface Buffers {
  readonly top: Uint32Array;
  /** The same pagemap entries, low and high lane by turns: to be read into, and to be looked at by sign. */
  readonly readLanes: Uint32Array;
  readonly lanes: Int32Array;
  /** Indices of the entries that matched. */
  readonly found: Uint32Array;
}

function createBuffers(): Buffers {
  const readLanes = new Uint32Array(2 * ENTRIES_PER_READ);
  return {
    top: createTop(),
    readLanes,
    lanes: new Int32Array(readLanes.buffer),
    found: new Uint32Array(ENTRIES_PER_READ),
  };
}

/** What one question keeps while it looks through the processes. */
interface Scan extends Buffers {
  readonly wanted: WantedFrames;
  readonly folios: FolioRows;
  readonly head: Float64Array;
  readonly pages: Uint32Array;
  readonly rows: MapperRows;
  /** Mappings found per frame. */
  readonly mappings: Uint32Array;
  /** The last mapping found per frame: the process, and the page at which it has or would have the head. */
  readonly lastPid: Uint32Array;
  readonly lastStart: Float64Array;
  /** What the present entries of the process in hand hold, ORed: low lane, high lane. */
  readonly seen: Int32Array;
}

function createScan(head: Float64Array, pages: Uint32Array, buffers: Buffers): Scan {
  return {
    ...buffers,
    wanted: createWantedFrames(head, pages, buffers.top),
    folios: createFolioRows(head, pages),
    head,
    pages,
    rows: createMapperRows(),
    mappings: new Uint32Array(head.length),
    lastPid: new Uint32Array(head.length),
    lastStart: new Float64Array(head.length),
    seen: new Int32Array(2),
  };
}

function answerOf({ pages, mappings, rows }: Scan, row: number, closed: boolean): number {
  if (mappings[row] > MAPPER_BOUNDS.mappersPerFrameMax) return MAPPERS.truncated;
  return closed || pages[row] === 0 || rows.count === MAPPER_BOUNDS.rowsMax
    ? MAPPERS.unknown
    : MAPPERS.complete;
}

/** Whether somebody stayed closed to us. Processes that start meanwhile are looked at too. */
function scanAll(
  root: string,
  listPids: FrameScanOptions['listPids'],
  scan: Scan,
): Result<boolean, ScanFault> {
  const done = new Set<number>();
  let closed = false;
  for (let listing = 0; listing < MAPPER_BOUNDS.listingsMax; listing++) {
    const pids = listPids();
    if (!pids.ok) return pids;
    const fresh = pids.value.filter((pid) => !done.has(pid));
    if (fresh.length === 0) return success(closed);
    for (const pid of fresh) {
      done.add(pid);
      const read = scanProcess(root, pid, scan);
      if (read.ok || read.code === 'file-missing') continue;
      if (read.code === 'frame-beyond-bounds' || read.code === 'frames-hidden') return read;
      closed = true;
    }
  }
  return success(true);
}

/**
 * A process whose leader has exited keeps its memory in its threads: then one of them is the mapper. (Newer
 * kernels answer the opening of pagemap with ESRCH then, older ones a read with nothing.)
 */
function scanProcess(root: string, pid: number, scan: Scan): Result<boolean, ScanFault> {
  const own = scanTask(root, pid, scan);
  if (own.ok ? own.value : own.code !== 'file-missing') return own;
  const threads = listThreads(root, pid);
  if (!threads.ok) return threads;
  for (const thread of threads.value) {
    if (thread === pid) continue;
    const read = scanTask(root, thread, scan);
    if (read.ok ? read.value : read.code !== 'file-missing') return read;
  }
  return success(false);
}

/** Whether the task has memory at all; kernel threads and the dead have none. */
function scanTask(root: string, pid: number, scan: Scan): Result<boolean, ScanFault> {
  const opened = openPagemap(root, pid);
  if (!opened.ok) return opened;
  try {
    if (!opened.value.alive()) return success(false);
    const maps = readText(procPath(root, pid, 'maps'));
    if (!maps.ok) return maps;
    scan.seen.fill(0);
    for (const range of parseMappedRanges(maps.value)) scanRange(opened.value, pid, range, scan);
    return judgeSeen(pid, scan.seen);
  } finally {
    opened.value.close();
  }
}

/** Without CAP_SYS_ADMIN every frame reads as 0, and no page of a process is ever frame 0. */
function judgeSeen(pid: number, [low, high]: Int32Array): Result<boolean, ScanFault> {
  if ((high & PAGEMAP_HIGH.frame) !== 0)
    return failure(
      'frame-beyond-bounds',
      `process ${pid} maps memory above 16 TiB, more than a scan can tell`,
    );
  if (high !== 0 && low === 0)
    return failure('frames-hidden', 'pagemap hides frame numbers; run the executor with CAP_SYS_ADMIN');
  return success(true);
}

function scanRange(pagemap: Pagemap, pid: number, range: MappedRange, scan: Scan): void {
  const end = range.firstPage + range.pages;
  for (let first = range.firstPage; first < end; first += ENTRIES_PER_READ) {
    const count = pagemap.readRange(first, Math.min(ENTRIES_PER_READ, end - first), scan.readLanes);
    if (count === 0) return;
    const found = matchRead(first, count, scan);
    for (let at = 0; at < found; at++) addMapping(pid, first, scan.found[at], scan);
  }
}

/** Decodes one entry per huge page, and every entry elsewhere. */
function matchRead(first: number, count: number, scan: Scan): number {
  const { wanted, lanes, found, seen } = scan;
  let matches = 0;
  for (let at = 0; at < count;) {
    const until = Math.min(count, at + blockPages - ((first + at) % blockPages));
    if (until - at === blockPages && staysInBlock(lanes, at)) matches = matchBlock(at, scan, matches);
    else matches = matchEntries(wanted, lanes, at, until, found, matches, seen);
    at = until;
  }
  return matches;
}

/** No match where nothing is wanted, one for a whole folio that is; else entry by entry. */
function matchBlock(at: number, scan: Scan, matches: number): number {
  const { wanted, folios, head, pages, lanes, readLanes, found, seen } = scan;
  // Entries of 0 may be holes or hidden frames: `seen` must tell which.
  if (lanes[2 * at] !== 0 && !wantsBlock(wanted, lanes[2 * at])) {
    matchEntries(wanted, lanes, at, at + 1, found, matches, seen);
    return matches;
  }
  const row = folios.rowOf(readLanes[2 * at]);
  const isWhole = head[row] === readLanes[2 * at] && pages[row] >= blockPages && isHugePage(lanes, at);
  return matchEntries(wanted, lanes, at, isWhole ? at + 1 : at + blockPages, found, matches, seen);
}

/**
 * One row per folio and place: pages of a folio that lie as they do in it belong to one mapping. (One that others
 * interrupt within the folio may come up again.)
 */
function addMapping(pid: number, first: number, at: number, scan: Scan): void {
  const frame = scan.readLanes[2 * at];
  const row = scan.folios.rowOf(frame);
  const page = first + at;
  const start = page - (frame - scan.head[row]);
  if (scan.lastPid[row] === pid && scan.lastStart[row] === start) return;
  scan.lastPid[row] = pid;
  scan.lastStart[row] = start;
  if (++scan.mappings[row] <= MAPPER_BOUNDS.mappersPerFrameMax) addMapper(scan.rows, row, pid, page);
}
