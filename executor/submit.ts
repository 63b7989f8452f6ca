import { ERRNO } from './errno.ts';
import type { FlowTally } from './flows.ts';
import type { CallResult, OwnerMemory } from './kernel.ts';
import { sortByGroupAndPage } from './order.ts';
import type { PlanOwner, PlanOwners } from './owners.ts';
import type { Pace } from './pace.ts';
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
}

export interface Means {
  readonly owners: PlanOwners;
  readonly pace: Pace;
  readonly tally: CallTally;
  /** Free base pages of a node above its watermark, read now; used to tell a full node from a busy page. */
  readonly freeAboveWatermark: (node: number) => number;
}

/**
 * Hands the permitted rows to the kernel, sorted by target, owner and address, and writes what became of
 * each into `rows`. When a node turns out full, the failed call's pages that stayed are `no-room` and
 * further calls towards that node are not made: their rows stay open and end as `not-attempted`.
 */
export function submit({ rows, permitted }: ValidatedPlan, means: Means): void {
  const group = new Uint32Array(rows.count);
  for (const row of permitted) group[row] = rows.target[row] * 65_536 + rows.owner[row];
  const sorted = sortByGroupAndPage(permitted, group, rows.page);
  let from = 0;
  let fullNode = -1;
  while (from < sorted.length) {
    const target = rows.target[sorted[from]];
    const to = endOfBatch(rows, group, sorted, from, means.pace.batchPages(target));
    if (target !== fullNode) {
      const full = submitBatch(rows, sorted.subarray(from, to), target, means);
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
function submitBatch(rows: Rows, batch: Uint32Array, target: number, means: Means): boolean {
  const owner = means.owners[rows.owner[batch[0]]];
  const first = attempt(rows, batch, target, owner, means);
  if (!owner || !first) return false;
  if (first.errno === ERRNO.ENOMEM) return true;
  const again = batch.filter((row) => rows.verdict[row] === VERDICT.busy && rows.movedPages[row] === 0);
  const second = again.length > 0 ? attempt(rows, again, target, owner, means) : first;
  if (!second) return false;
  return second.errno === ERRNO.ENOMEM || nameOvertaken(rows, batch, target, means);
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

/** One call and its reconciliation; undefined = the owner's memory went away, before or during it. */
function attempt(
  rows: Rows,
  asked: Uint32Array,
  target: number,
  owner: PlanOwner | undefined,
  { pace, tally }: Means,
): CallResult | undefined {
  if (!owner || owner.verdict !== VERDICT.none || !owner.memory.alive()) {
    if (owner) owner.verdict = VERDICT['owner-gone'];
    for (const row of asked) rows.verdict[row] = VERDICT['owner-gone'];
    return undefined;
  }
  const { memory } = owner;
  const probe = listProbes(rows, asked);
  const before = placesBefore(rows, asked, probe, memory);
  const status = new Int32Array(asked.length).fill(STATUS_UNTOUCHED);
  const page = Float64Array.from(asked, (row) => rows.page[row]);
  const call = memory.move(page, new Int32Array(asked.length).fill(target), status);
  const after = new Int32Array(probe.page.length).fill(STATUS_UNTOUCHED);
  const query = memory.query(probe.page, after);
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
  tally.movedPages += movedPages;
  pace.record(target, probe.page.length, movedPages, call.ns);
  return call;
}

interface Probes {
  readonly page: Float64Array;
  readonly from: Uint32Array;
  /** Whether each row is a single page. */
  readonly single: boolean;
}

/** Every base page of every folio: a huge one may be split under way and arrive in part. */
function listProbes(rows: Rows, asked: Uint32Array): Probes {
  const from = new Uint32Array(asked.length + 1);
  for (let i = 0; i < asked.length; i++) from[i + 1] = from[i] + rows.folioPages[asked[i]];
  const page = new Float64Array(from[asked.length]);
  for (let i = 0; i < asked.length; i++) {
    const row = asked[i];
    const single = rows.folioPages[row] === 1;
    const start = single ? rows.page[row] : rows.folioStart[row];
    for (let probe = from[i]; probe < from[i + 1]; probe++) page[probe] = start + probe - from[i];
  }
  return { page, from, single: page.length === asked.length };
}

/**
 * Where the probed pages are before the call. For single pages the round's own facts say it (those
 * asked a second time have not moved); the pages of a huge folio need not all be mapped here.
 */
function placesBefore(
  rows: Rows,
  asked: Uint32Array,
  probe: Probes,
  memory: OwnerMemory,
): Int32Array | undefined {
  if (probe.single) return Int32Array.from(asked, (row) => rows.node[row]);
  const places = new Int32Array(probe.page.length).fill(-ERRNO.ENOENT);
  return memory.query(probe.page, places).returned < 0 ? undefined : places;
}

function countCall(tally: CallTally, { returned, errno, ns }: CallResult): void {
  const kind = returned < 0 ? `-1/${errno}` : returned > 0 ? 'positive' : '0';
  tally.calls++;
  tally.ns += ns;
  tally.kinds.set(kind, (tally.kinds.get(kind) ?? 0) + 1);
}
