import { type AdmittedPlan, isPhysical } from './admit.ts';
import { FACT } from './kernel.ts';
import { BOUNDS } from './limits.ts';
import { sortByGroupAndPage } from './order.ts';
import type { PlanOwners } from './owners.ts';
import { SPACE } from './plan.ts';
import { VERDICT } from './verdict.ts';

/** A row that another row of the same entry stands for: its folio is counted there. */
export const ABSORBED = 255;

/** What the rows of a physical plan know beside: the frame of their folio and everybody who maps it. */
export interface FrameRows {
  /** First frame of the folio. */
  readonly head: Float64Array;
  /** As in `FrameFacts`. */
  readonly charged: Float64Array;
  /** One of `MAPPERS`. */
  readonly answer: Uint8Array;
  /** The mappings of a row stand from `first[row]` on in the two columns below, `mappings[row]` of them. */
  readonly first: Uint32Array;
  readonly mappings: Uint32Array;
  owner: Uint16Array;
  page: Float64Array;
}

/**
 * A plan, page by page: one row per base page that an entry names, in order of priority. After
 * `foldFolios`, the rows still open are folios, each named once by one representative address. Rows of a
 * physical plan have their frame for an address until their mappers are found; then the first of these is it.
 */
export interface Rows {
  readonly count: number;
  /** Index into the plan's columns. */
  readonly entry: Uint32Array;
  readonly owner: Uint16Array;
  readonly page: Float64Array;
  readonly target: Uint8Array;
  /** A `VERDICT`, `ABSORBED`, or `VERDICT.none` while open. */
  readonly verdict: Uint8Array;
  /** Base pages found at the target after having been elsewhere. */
  readonly movedPages: Uint32Array;
  readonly flags: Uint8Array;
  readonly node: Int16Array;
  readonly folioStart: Float64Array;
  /** 0 for a page on no node. */
  readonly folioPages: Uint32Array;
  /** 1 where the entry names only part of the folio. */
  readonly partial: Uint8Array;
  /** All rows, sorted by owner, then page; those of a physical plan by frame. */
  readonly byPage: Uint32Array;
  /** Of a physical plan only. */
  readonly frames?: FrameRows;
}

export function expandRows({ plan, order, pages: count }: AdmittedPlan): Rows {
  const entry = new Uint32Array(count);
  const owner = new Uint16Array(count);
  const group = new Uint32Array(count);
  const page = new Float64Array(count);
  const target = new Uint8Array(count);
  const all = new Uint32Array(count);
  let row = 0;
  for (let i = 0; i < order.length; i++) {
    const index = order[i];
    const first = plan.pageNumber[index];
    for (let offset = 0; offset < plan.pages[index]; offset++) {
      entry[row] = index;
      if (plan.space[index] === SPACE.virtual) group[row] = owner[row] = plan.owner[index];
      page[row] = first + offset;
      target[row] = plan.target[index];
      all[row] = row;
      row++;
    }
  }
  return {
    count,
    entry,
    owner,
    page,
    target,
    verdict: new Uint8Array(count),
    movedPages: new Uint32Array(count),
    flags: new Uint8Array(count),
    node: new Int16Array(count).fill(-1),
    folioStart: new Float64Array(count),
    folioPages: new Uint32Array(count),
    partial: new Uint8Array(count),
    byPage: sortByGroupAndPage(all, group, page),
    ...(isPhysical(plan) && { frames: createFrameRows(count) }),
  };
}

function createFrameRows(count: number): FrameRows {
  return {
    head: new Float64Array(count),
    charged: new Float64Array(count),
    answer: new Uint8Array(count),
    first: new Uint32Array(count),
    mappings: new Uint32Array(count),
    owner: new Uint16Array(0),
    page: new Float64Array(0),
  };
}

/** Marks in a byte per owner which of them the rows name. */
export function listOwners(rows: Rows, ownerCount: number): Uint8Array {
  const used = new Uint8Array(ownerCount);
  for (let row = 0; row < rows.count; row++) used[rows.owner[row]] = 1;
  return used;
}

/** Reads the facts of every row for the first time. */
export function readAllFacts(rows: Rows, owners: PlanOwners): void {
  readFacts(rows, rows.byPage, owners, (row, flags, node, start, pages) => {
    rows.flags[row] = flags;
    rows.node[row] = node;
    rows.folioStart[row] = start;
    rows.folioPages[row] = node < 0 ? 0 : pages;
  });
}

/**
 * Reads the facts of these rows (sorted by owner, then page) anew. A folio that was split or joined since
 * it was folded is no longer the one that was counted: the row ends as `busy`, and the next plan sees it.
 */
export function refreshFacts(rows: Rows, chosen: Uint32Array, owners: PlanOwners): void {
  readFacts(rows, chosen, owners, (row, flags, node, start, pages) => {
    const reshaped = start !== rows.folioStart[row] || pages !== rows.folioPages[row];
    if (node >= 0 && reshaped) rows.verdict[row] = VERDICT.busy;
    rows.flags[row] = flags;
    rows.node[row] = node;
  });
}

export type StoreFacts = (
  row: number,
  flags: number,
  node: number,
  start: number,
  pages: number,
  frame: number,
) => void;

/** Where pages are asked for, and the verdict of those that could not be. */
export type Addresses = Pick<Rows, 'owner' | 'page' | 'verdict'>;

/** Reads the facts of these rows, sorted by owner, then page. */
export function readFacts(rows: Addresses, sorted: Uint32Array, owners: PlanOwners, store: StoreFacts): void {
  let from = 0;
  while (from < sorted.length) {
    const ownerIndex = rows.owner[sorted[from]];
    let to = from;
    while (to < sorted.length && to - from < BOUNDS.factsPagesMax && rows.owner[sorted[to]] === ownerIndex)
      to++;
    readChunk(rows, sorted.subarray(from, to), owners[ownerIndex], store);
    from = to;
  }
}

function readChunk(rows: Addresses, chunk: Uint32Array, owner: PlanOwners[number], store: StoreFacts): void {
  if (!owner || owner.verdict !== VERDICT.none) {
    for (const row of chunk) rows.verdict[row] = owner?.verdict ?? VERDICT['owner-gone'];
    return;
  }
  const page = new Float64Array(chunk.length);
  for (let i = 0; i < chunk.length; i++) page[i] = rows.page[chunk[i]];
  const facts = owner.memory.facts(page);
  if (!facts.ok) {
    const verdict = owner.memory.alive() ? VERDICT.unknown : VERDICT['owner-gone'];
    for (const row of chunk) rows.verdict[row] = verdict;
    return;
  }
  const { flags, node, folioStart, folioPages, frame } = facts.value;
  for (let i = 0; i < chunk.length; i++) {
    const present = (flags[i] & FACT.present) !== 0;
    store(chunk[i], flags[i], present ? node[i] : -1, folioStart[i], folioPages[i], frame[i]);
  }
}

/**
 * Leaves one open row per folio. The entry of highest priority that names any page of a folio claims it;
 * every later entry's part of it is a `duplicate`, even towards the same target, and even if the claim is
 * refused later: which entry wins must not depend on the state of the machine. Claims hold for the whole plan.
 */
export function foldFolios(rows: Rows): void {
  const { byPage, verdict, count } = rows;
  let from = 0;
  while (from < count) {
    const first = byPage[from];
    let to = from + 1;
    if (verdict[first] === VERDICT.none) {
      while (to < count && isSameFolio(rows, first, byPage[to])) to++;
      foldOne(rows, from, to);
    }
    from = to;
  }
}

function isSameFolio({ owner, verdict, page, folioStart, folioPages }: Rows, a: number, b: number): boolean {
  if (owner[a] !== owner[b] || verdict[b] !== VERDICT.none) return false;
  if (folioPages[a] === 0) return folioPages[b] === 0 && page[a] === page[b];
  return folioPages[b] > 0 && folioStart[a] === folioStart[b];
}

function foldOne({ byPage, entry, verdict, partial, folioPages }: Rows, from: number, to: number): void {
  let winner = byPage[from];
  for (let i = from + 1; i < to; i++) if (byPage[i] < winner) winner = byPage[i];
  let named = 0;
  for (let i = from; i < to; i++) {
    const row = byPage[i];
    if (entry[row] === entry[winner]) named++;
    if (row !== winner) verdict[row] = entry[row] === entry[winner] ? ABSORBED : VERDICT.duplicate;
  }
  partial[winner] = named < folioPages[winner] ? 1 : 0;
}
