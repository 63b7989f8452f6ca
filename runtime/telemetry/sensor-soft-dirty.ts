import type { ScopeMembers } from '../../executor/kernel.ts';
import { ENTRIES_PER_READ, PAGEMAP_HIGH } from '../../executor/linux/pagemap.ts';
import { nodeOfFrame, readMemoryBlocks, type MemoryBlocks } from '../../executor/procfs/memory-blocks.ts';
import { SPACE } from '../../executor/plan.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import { REGION_FLAG } from '../contract.ts';
import { regionCountMax } from '../limits.ts';
import { createRowBuilder } from './sample-rows.ts';
import { listMembers } from './sensor-members.ts';
import { watchProcess, type WatchedProcess } from './sensor-process.ts';
import type { PageRange } from './sensor-maps.ts';
import type { Sample, SourceFault, TelemetrySource } from './source.ts';

const NODE_NONE = 255;
const FRAME_LANE = 2 ** 32;

export interface SoftDirtyOptions {
  /** '/' on a live machine, a fixture tree in tests. */
  readonly root: string;
  readonly members: ScopeMembers;
  /** Accesses that one page found written stands for; the kernel tells "written", not how often. */
  readonly samplingPeriod: number;
  readonly nowMs: () => number;
}

/**
 * Per-page writes of every process in a scope, from the soft-dirty bit of pagemap. Private writable
 * memory only. It clears the bits of the processes it watches, so nothing else (CRIU, for one) can use
 * them at the same time. Source: Documentation/admin-guide/mm/soft-dirty.rst.
 */
export function createSoftDirtySource(options: SoftDirtyOptions): TelemetrySource {
  const { root, members, samplingPeriod, nowMs } = options;
  const watched = new Map<number, WatchedProcess>();
  /** Those whose bits were cleared once; until then the bits say nothing about this epoch. */
  const primed = new WeakSet<WatchedProcess>();
  const rows = createRowBuilder();
  const lanes = new Uint32Array(2 * ENTRIES_PER_READ);
  let lastMs = nowMs();

  async function next(): Promise<Result<Sample, SourceFault>> {
    const blocks = readMemoryBlocks(root);
    if (!blocks.ok) return failure('sensor-failed', blocks.message);
    rows.clear();
    const refused = watchMembers();
    const owners = [...watched.values()];
    for (const [ordinal, process] of owners.entries()) readProcess(process, ordinal, blocks.value);
    if (rows.count > regionCountMax)
      return failure('sample-malformed', `more than ${regionCountMax} pages: narrow the scope`);
    if (owners.length === 0 && refused) return refused;
    const now = nowMs();
    const lengthMs = now - lastMs;
    lastMs = now;
    return success({
      lengthMs,
      samplingPeriod,
      space: SPACE.virtual,
      owners: owners.map(({ ref }) => ref),
      rows: rows.take(),
    });
  }

  /** Opens newcomers and forgets the gone; answers why some could not be watched. */
  function watchMembers() {
    const pids = new Set(listMembers(root, members));
    let refused: ReturnType<typeof failure<SourceFault>> | undefined;
    for (const [pid, process] of watched) {
      if (pids.has(pid) && process.pagemap.alive()) continue;
      process.close();
      watched.delete(pid);
    }
    for (const pid of pids) {
      if (watched.has(pid)) continue;
      const process = watchProcess(root, pid);
      if (process.ok) watched.set(pid, process.value);
      else if (process.code === 'permission-missing')
        refused = failure('permission-missing', process.message);
    }
    return refused;
  }

  /** Every bit is read before any is cleared; what is written in between counts for neither epoch. */
  function readProcess(process: WatchedProcess, ordinal: number, blocks: MemoryBlocks): void {
    for (const range of process.writableRanges()) readRange(process, ordinal, range, blocks);
    try {
      process.clearSoftDirty();
      primed.add(process);
    } catch {
      // It exited after it was read; the next `watchMembers` forgets it.
    }
  }

  function readRange(process: WatchedProcess, ordinal: number, range: PageRange, blocks: MemoryBlocks): void {
    const coverage = primed.has(process) ? 255 : 0;
    const end = range.pageNumber + range.pages;
    for (
      let first = range.pageNumber;
      first < end && rows.count <= regionCountMax;
      first += ENTRIES_PER_READ
    ) {
      const found = process.pagemap.readRange(first, Math.min(ENTRIES_PER_READ, end - first), lanes);
      if (found === 0) return;
      for (let at = 0; at < found; at++) {
        const high = lanes[2 * at + 1];
        if (high & (PAGEMAP_HIGH.present | PAGEMAP_HIGH.swapped))
          addPage(ordinal, first + at, lanes[2 * at], high, coverage, blocks);
      }
    }
  }

  function addPage(
    ordinal: number,
    pageNumber: number,
    low: number,
    high: number,
    coverage: number,
    blocks: MemoryBlocks,
  ): void {
    const present = (high & PAGEMAP_HIGH.present) !== 0;
    const frame = (high & PAGEMAP_HIGH.frame) * FRAME_LANE + low;
    const node = present ? nodeOfFrame(blocks, frame) : -1;
    const shared = present && !(high & PAGEMAP_HIGH.exclusive) ? REGION_FLAG.shared : 0;
    const file = high & PAGEMAP_HIGH.file ? REGION_FLAG.file : 0;
    const written = coverage > 0 && high & PAGEMAP_HIGH.softDirty ? 1 : 0;
    // A write is the one kind of access it sees.
    rows.add(ordinal, pageNumber, 1, node < 0 ? NODE_NONE : node, written, written, shared | file, coverage);
  }

  return {
    next,
    async close() {
      for (const process of watched.values()) process.close();
      watched.clear();
    },
  };
}
