import { ERRNO } from '../errno.ts';
import { FACT } from '../kernel.ts';
import {
  EXTRA,
  type MachineState,
  type Process,
  folioPages,
  folioStart,
  freePages,
  relocateHuge,
  relocatePage,
  splitFolio,
} from './memory.ts';
import { ABSENT } from './page-table.ts';

export interface MovePagesOptions {
  /** MPOL_MF_MOVE_ALL: pages of several processes move too. */
  readonly moveAll: boolean;
  /** Whether isolating a folio fails this time. */
  readonly isBusy: () => boolean;
  /** Whether a full node is answered with a count of pages instead of ENOMEM. */
  readonly countsWhenFull: () => boolean;
  /** Called before each index is looked at. */
  readonly onIndex: (index: number) => void;
}

export interface Answer {
  /** As the raw call returns it: a negative errno, 0, or a count of pages. */
  readonly returned: number;
  readonly movedPages: number;
}

/**
 * move_pages(2) with its corners (mm/migrate.c, do_pages_move): pages are queued while their node stays the
 * same; a change of node, or a page that cannot be queued, migrates the queue first; status is written only
 * for what was queued before a failure, so a full node or a pinned page leaves slots untouched although
 * pages did move; a folio already queued (another address of a huge page, or the same twice) is -EBUSY.
 */
export function movePages(
  state: MachineState,
  process: Process,
  page: Float64Array,
  node: Int32Array,
  status: Int32Array,
  options: MovePagesOptions,
): Answer {
  const queue = new Set<number>();
  let movedPages = 0;
  let current = -1;
  let start = 0;
  let error = 0;
  let index = 0;

  /** Migrates what is queued; the statuses of `start` to `end` are written only if all of it arrived. */
  function flush(end: number): number {
    const answer = migrate(state, process, queue, current, options);
    movedPages += answer.movedPages;
    queue.clear();
    if (answer.returned < 0) return answer.returned;
    if (answer.returned > 0) return answer.returned + page.length - end;
    if (current >= 0) status.fill(current, start, end);
    return 0;
  }

  for (; index < page.length; index++) {
    options.onIndex(index);
    if (!state.nodes.has(node[index])) error = -ERRNO.ENODEV;
    else if (process.allowed && !process.allowed.has(node[index])) error = -ERRNO.EACCES;
    if (error < 0) break;
    if (current !== node[index]) {
      if (current >= 0 && (error = flush(index)) !== 0) return { returned: error, movedPages };
      current = node[index];
      start = index;
    }
    const queued = enqueue(state, process, page[index], current, queue, options);
    if (queued === QUEUED) continue;
    status[index] = queued;
    error = flush(index);
    if (error !== 0) return { returned: error > 0 ? error - 1 : error, movedPages };
    current = -1;
    start = index + 1;
  }
  const last = current >= 0 ? flush(index) : 0;
  return { returned: error < 0 ? error : last, movedPages };
}

const QUEUED = 1_000;

/** Queues the folio behind a page, or answers what stands in `status`: its node, or a negative errno. */
function enqueue(
  { marks }: MachineState,
  { table }: Process,
  page: number,
  target: number,
  queue: Set<number>,
  options: MovePagesOptions,
): number {
  const slot = table.find(page);
  if (slot < 0 || table.nodeAt(slot) === ABSENT) return -ERRNO.ENOENT;
  if (table.nodeAt(slot) === target) return target;
  const flags = table.flagsAt(slot);
  if (flags & FACT.shared && !options.moveAll) return -ERRNO.EACCES;
  const start = folioStart(page, flags);
  const marked = marks.get(table.frameAt(slot))?.state !== undefined;
  if (marked || !(flags & FACT.movable) || queue.has(start) || options.isBusy()) return -ERRNO.EBUSY;
  queue.add(start);
  return QUEUED;
}

function migrate(
  state: MachineState,
  process: Process,
  queue: ReadonlySet<number>,
  target: number,
  options: MovePagesOptions,
): Answer {
  let movedPages = 0;
  let failed = 0;
  let full = false;
  for (const start of queue) {
    const slot = process.table.find(start);
    if (slot < 0 || process.table.nodeAt(slot) === ABSENT) continue; // freed meanwhile: nothing left to move
    const count = folioPages(process.table.flagsAt(slot));
    const moved = full ? 0 : migrateFolio(state, process, start, target);
    if (moved === PINNED) failed++;
    else {
      movedPages += moved;
      if (moved < count) full = true;
      if (moved < count) failed++;
    }
  }
  if (!full) return { returned: failed, movedPages };
  return { returned: options.countsWhenFull() ? failed : -ERRNO.ENOMEM, movedPages };
}

export const PINNED = -1;

/** Base pages that arrived; a huge folio that finds no room whole is split and arrives in part. */
export function migrateFolio(state: MachineState, process: Process, start: number, target: number): number {
  const { table } = process;
  const node = state.nodes.get(target);
  if (!node) return 0;
  const count = folioPages(table.flagsAt(table.find(start)));
  for (let page = start; page < start + count; page++) {
    if (table.flagsAt(table.find(page)) & EXTRA.pinned) return PINNED;
  }
  const room = Math.min(count, Math.max(0, freePages(node)));
  if (count > 1 && room === count) relocateHuge(state, process, start, target);
  else {
    if (count > 1) splitFolio(state, process, start);
    for (let page = start; page < start + room; page++) relocatePage(state, process, page, target);
  }
  return room;
}
