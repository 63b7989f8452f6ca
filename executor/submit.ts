import { ERRNO } from './errno.ts';
import type { FlowTally } from './flows.ts';
import { type FrameMoveTally, dropReused, followFrames, framesBefore } from './follow-frames.ts';
import type { CallResult, Kernel, OwnerMemory } from './kernel.ts';
import { BOUNDS } from './limits.ts';
import { sortByGroupAndPage } from './order.ts';
import type { PlanOwner, PlanOwners } from './owners.ts';
import type { Pace } from './pace.ts';
import { listProbes, placesBefore } from './probes.ts';
import { STATUS_UNTOUCHED, reconcile } from './reconcile.ts';
import type { Rows } from './resolve.ts';
import type { ValidatedPlan } from './validate.ts';
import { VERDICT } from './verdict.ts';

/** What the calls of a plan came to; grows as they are made. */
export interface CallTally {
  calls: number;
  ns: number;
  movedPages: number;
  /** How often each answer came, by `returned/errno`, with positive returns as one. */
  readonly kinds: Map<string, number>;
  readonly flows: FlowTally;
  readonly moves: FrameMoveTally;
}

export interface Means {
  readonly owners: PlanOwners;
  readonly pace: Pace;
  readonly tally: CallTally;
  /** Free base pages of a node above its watermark, read now; used to tell a full node from a busy page. */
  readonly freeAboveWatermark: (node: number) => number;
  /** Moves by frame rather than by address. */
  readonly moveFrames: Kernel['moveFrames'] | undefined;
}

/** What all rows of one call have in common. */
interface Batch {
  readonly target: number;
  /** Other processes' mappings move along. */
  readonly together: boolean;
}

/**
 * Hands the permitted rows to the kernel, sorted by target, owner and address, and writes what became of
 * each into `rows`. When a node turns out full, the failed call's pages that stayed are `no-room` and
 * further calls towards that node are not made: their rows stay open and end as `not-attempted`. So do those of a
 * physical plan whose moves an outcome could no longer name, were every folio split on its way.
 */
export function submit({ rows, permitted, together }: ValidatedPlan, means: Means): void {
  const group = new Uint32Array(rows.count);
  for (let i = 0; i < permitted.length; i++) {
    const row = permitted[i];
    group[row] = (rows.target[row] * 2 + together[i]) * 65_536 + rows.owner[row];
  }
  const sorted = sortByGroupAndPage(permitted, group, rows.page);
  let from = 0;
  let fullNode = -1;
  while (from < sorted.length) {
    const target = rows.target[sorted[from]];
    const tellable = rows.frames ? BOUNDS.frameMovesMax - means.tally.moves.count : Infinity;
    if (rows.folioPages[sorted[from]] > tellable) return;
    const pagesMax = Math.min(means.pace.batchPages(target), tellable);
    const to = endOfBatch(rows, group, sorted, from, pagesMax);
    if (target !== fullNode) {
      const together = (group[sorted[from]] & 65_536) !== 0;
      const full = submitBatch(rows, sorted.subarray(from, to), { target, together }, means);
      if (full) fullNode = target;
    }
    from = to;
  }
}

/** A batch has one target and one owner, and at least one folio however large. */
function endOfBatch(
  rows: Rows,
  group: Uint32Array,
  sorted: Uint32Array,
  from: number,
  pagesMax: number,
): number {
  let pages = rows.folioPages[sorted[from]];
  let to = from + 1;
  while (to < sorted.length && group[sorted[to]] === group[sorted[from]]) {
    pages += rows.folioPages[sorted[to]];
    if (pages > pagesMax) break;
    to++;
  }
  return to;
}

/** Moves one batch, asking a second time for what was busy. True = the node is full. */
function submitBatch(rows: Rows, asked: Uint32Array, batch: Batch, means: Means): boolean {
  const owner = means.owners[rows.owner[asked[0]]];
  const first = attempt(rows, asked, batch, owner, means);
  if (!owner || !first) return false;
  if (first.errno === ERRNO.ENOMEM) return true;
  const again = asked.filter((row) => rows.verdict[row] === VERDICT.busy && rows.movedPages[row] === 0);
  const second = again.length > 0 ? attempt(rows, again, batch, owner, means) : first;
  if (!second) return false;
  return second.errno === ERRNO.ENOMEM || nameOvertaken(rows, asked, batch.target, means);
}

/**
 * A full node may also be answered with a count of pages instead of ENOMEM. Where the pages left over would
 * not find room above the watermark now, somebody else took it, and `busy` would be the wrong reason.
 */
function nameOvertaken(rows: Rows, batch: Uint32Array, target: number, means: Means): boolean {
  const left = batch.filter((row) => rows.verdict[row] === VERDICT.busy);
  const pages = left.reduce((sum, row) => sum + rows.folioPages[row] - rows.movedPages[row], 0);
  if (pages === 0 || means.freeAboveWatermark(target) >= pages) return false;
  for (const row of left) rows.verdict[row] = VERDICT['no-room'];
  return true;
}

/** One call and its reconciliation; undefined = nothing left to ask, or the owner's memory went away. */
function attempt(
  rows: Rows,
  wanted: Uint32Array,
  batch: Batch,
  owner: PlanOwner | undefined,
  means: Means,
): CallResult | undefined {
  if (!owner || owner.verdict !== VERDICT.none || !owner.memory.alive()) {
    if (owner) owner.verdict = VERDICT['owner-gone'];
    for (const row of wanted) rows.verdict[row] = VERDICT['owner-gone'];
    return undefined;
  }
  const { memory } = owner;
  const { pace, tally } = means;
  const { target } = batch;
  const asked = dropReused(rows, wanted, memory);
  if (asked.length === 0) return undefined;
  const probe = listProbes(rows, asked);
  const before = placesBefore(rows, asked, probe, memory);
  const from = before && framesBefore(rows, asked, probe, memory, before);
  const status = new Int32Array(asked.length).fill(STATUS_UNTOUCHED);
  const call = move(rows, asked, batch, memory, status, means);
  const after = new Int32Array(probe.page.length).fill(STATUS_UNTOUCHED);
  const to = new Float64Array(probe.page.length).fill(-1);
  const query = memory.query(probe.page, after);
  if (from) memory.frames(probe.page, to);
  countCall(tally, call);
  // Asked last: only then were move and queries about the memory that was opened.
  if (!memory.alive()) owner.verdict = VERDICT['owner-gone'];
  if (owner.verdict !== VERDICT.none || !before || query.returned < 0) {
    for (const row of asked) rows.verdict[row] = VERDICT.unknown;
    return owner.verdict === VERDICT.none ? call : undefined;
  }
  const movedPages = reconcile(
    rows,
    { asked, status, call, target, probeFrom: probe.from, before, after },
    tally.flows,
  );
  if (from) followFrames(rows, { asked, probe, target, before, after, from, to }, tally.moves);
  tally.movedPages += movedPages;
  pace.record(target, probe.page.length, movedPages, call.ns);
  return call;
}

function move(
  rows: Rows,
  asked: Uint32Array,
  { target, together }: Batch,
  memory: OwnerMemory,
  status: Int32Array,
  { moveFrames }: Means,
): CallResult {
  const node = new Int32Array(asked.length).fill(target);
  const { frames } = rows;
  if (moveFrames && frames)
    return moveFrames(
      Float64Array.from(asked, (row) => frames.head[row]),
      node,
      status,
      together,
    );
  return memory.move(
    Float64Array.from(asked, (row) => rows.page[row]),
    node,
    status,
    together,
  );
}

function countCall(tally: CallTally, { returned, errno, ns }: CallResult): void {
  const kind = returned < 0 ? `-1/${errno}` : returned > 0 ? 'positive' : '0';
  tally.calls++;
  tally.ns += ns;
  tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1);
}
