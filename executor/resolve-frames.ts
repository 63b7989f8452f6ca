import { MAPPERS, type MapperWays } from './frame-mappers.ts';
import { FACT, FRAME, type Kernel } from './kernel.ts';
import { BOUNDS, type Limits, type Scope } from './limits.ts';
import { sortByGroupAndPage } from './order.ts';
import { type PlanOwner, openOwner, refreshOwners } from './owners.ts';
import { type FrameRows, type Rows, readFacts } from './resolve.ts';
import { VERDICT } from './verdict.ts';

/** The processes that map frames of a plan, by the order in which they were met. */
export interface Mappers {
  readonly owners: (PlanOwner | undefined)[];
  readonly indexOfPid: Map<number, number>;
  /** How frames were answered so far. */
  readonly ways: { -readonly [Way in keyof MapperWays]: number };
}

export function createMappers(): Mappers {
  return { owners: [], indexOfPid: new Map(), ways: { cached: 0, walked: 0, scanned: 0, stale: 0 } };
}

export interface FrameTools {
  readonly kernel: Kernel;
  readonly scope: Scope;
  readonly limits: Limits;
}

/** The verdict on frames that cannot move, whoever maps them. */
const VERDICT_OF_STATE: Readonly<Record<number, number>> = {
  [FRAME.usable]: VERDICT.none,
  [FRAME.free]: VERDICT.free,
  [FRAME.kernel]: VERDICT['kernel-memory'],
  [FRAME.offline]: VERDICT.offline,
  [FRAME.poisoned]: VERDICT.poisoned,
  [FRAME.unmovable]: VERDICT.unmovable,
};

/** Reads what every frame that the plan names is; those that cannot move go no further. */
export function readAllFrames(rows: Rows, frames: FrameRows, kernel: Kernel): void {
  readFrames(rows, rows.byPage, rows.page, kernel, (row, head, pages, charged) => {
    frames.head[row] = rows.folioStart[row] = head;
    frames.charged[row] = charged;
    rows.folioPages[row] = pages;
  });
}

/** The same for the folios of these rows. One that was split or joined since is `busy`, as a virtual one is. */
export function refreshFrames(rows: Rows, frames: FrameRows, chosen: Uint32Array, kernel: Kernel): void {
  readFrames(rows, chosen, frames.head, kernel, (row, head, pages, charged) => {
    if (head !== frames.head[row] || pages !== rows.folioPages[row]) rows.verdict[row] = VERDICT.busy;
    frames.charged[row] = charged;
  });
}

type StoreFrame = (row: number, head: number, pages: number, charged: number) => void;

function readFrames(
  rows: Rows,
  sorted: Uint32Array,
  frameOf: Float64Array,
  kernel: Kernel,
  store: StoreFrame,
): void {
  for (let from = 0; from < sorted.length; from += BOUNDS.factsPagesMax) {
    const chunk = sorted.subarray(from, from + BOUNDS.factsPagesMax);
    const facts = kernel.frames(Float64Array.from(chunk, (row) => frameOf[row]));
    for (let i = 0; i < chunk.length; i++) {
      const row = chunk[i];
      const verdict = facts.ok ? VERDICT_OF_STATE[facts.value.state[i]] : VERDICT.unknown;
      if (verdict !== VERDICT.none) rows.verdict[row] = verdict;
      else if (facts.ok)
        store(row, facts.value.folioStart[i], facts.value.folioPages[i], facts.value.charged[i]);
    }
  }
}

/**
 * Finds everybody who maps these folios (open rows, by frame), and reads from the page tables of all of them
 * that they do. From then on each row stands for the address of its first mapper. Found again later on, that address
 * must still be among the mappings: otherwise the frame was freed and holds something else by now.
 */
export function findMappers(
  rows: Rows,
  frames: FrameRows,
  open: Uint32Array,
  mappers: Mappers,
  tools: FrameTools,
): void {
  const chosen = dropReshaped(rows, frames, open);
  const found = tools.kernel.mappers(Float64Array.from(chosen, (row) => frames.head[row]));
  const isKnown = Uint8Array.from(chosen, (row) => (frames.mappings[row] > 0 ? 1 : 0));
  for (const row of chosen) {
    rows.flags[row] = 0;
    rows.node[row] = -1;
    frames.mappings[row] = 0;
    frames.answer[row] = MAPPERS.unknown;
  }
  if (!found.ok) return;
  const { frame, pid, pageNumber, answer, how } = found.value;
  for (const way of ['cached', 'walked', 'scanned', 'stale'] as const) mappers.ways[way] += how?.[way] ?? 0;
  const before = frames.page.length;
  const rowOf = Uint32Array.from(frame, (index) => chosen[index]);
  frames.owner = extend(frames.owner, new Uint16Array(before + pid.length));
  frames.page = extend(frames.page, new Float64Array(before + pid.length));
  for (let i = 0; i < chosen.length; i++) frames.answer[chosen[i]] = answer[i];
  for (let i = 0; i < pid.length; i++) {
    const row = rowOf[i];
    const owner = meetOwner(pid[i], mappers, tools);
    if (frames.mappings[row]++ === 0) frames.first[row] = before + i;
    frames.page[before + i] = pageNumber[i];
    if (owner < 0) rows.verdict[row] = VERDICT.unknown;
    else frames.owner[before + i] = owner;
  }
  for (let i = 0; i < chosen.length; i++) leadRow(rows, frames, chosen[i], isKnown[i] === 1);
  readMappings(rows, frames, before, rowOf, mappers);
}

/** Folios that were split or joined while they were being read overlap: the later one is `busy`. */
function dropReshaped(rows: Rows, frames: FrameRows, open: Uint32Array): Uint32Array {
  let end = 0;
  return open.filter((row) => {
    const overlaps = frames.head[row] < end;
    if (overlaps) rows.verdict[row] = VERDICT.busy;
    else end = frames.head[row] + rows.folioPages[row];
    return !overlaps;
  });
}

function leadRow(rows: Rows, frames: FrameRows, row: number, isKnown: boolean): void {
  const first = frames.first[row];
  const end = first + frames.mappings[row];
  let isSame = !isKnown;
  for (let at = first; at < end && !isSame; at++)
    isSame = frames.owner[at] === rows.owner[row] && frames.page[at] === rows.page[row];
  if (end === first) return;
  if (!isSame) rows.verdict[row] = VERDICT.reused;
  rows.owner[row] = frames.owner[first];
  rows.page[row] = frames.page[first];
}

function extend<T extends Uint16Array | Float64Array>(old: T, longer: T): T {
  longer.set(old);
  return longer;
}

/** The index of a process among the mappers; -1 = there are more than a plan may have to do with. */
function meetOwner(
  pid: number,
  { owners, indexOfPid }: Mappers,
  { kernel, scope, limits }: FrameTools,
): number {
  const known = indexOfPid.get(pid);
  if (known !== undefined) return known;
  if (owners.length >= BOUNDS.ownersMax) return -1;
  const ref = kernel.refOf(pid);
  const owner = ref.ok ? openOwner(ref.value, kernel) : undefined;
  refreshOwners([owner], kernel, scope, limits);
  indexOfPid.set(pid, owners.length);
  return owners.push(owner) - 1;
}

/** Reads the facts of mappings `before` and after, and sums them up in the rows that they belong to. */
function readMappings(
  rows: Rows,
  frames: FrameRows,
  before: number,
  rowOf: Uint32Array,
  { owners }: Mappers,
): void {
  const owner = frames.owner.subarray(before);
  const page = frames.page.subarray(before);
  const verdict = new Uint8Array(page.length);
  const all = Uint32Array.from(page.keys());
  const sorted = sortByGroupAndPage(all, Uint32Array.from(owner), page);
  readFacts({ owner, page, verdict }, sorted, owners, (at, flags, node, start, pages, frame) => {
    const row = rowOf[at];
    const isLead = before + at === frames.first[row];
    if (node < 0 || frame - (page[at] - start) !== frames.head[row]) verdict[at] = VERDICT.reused;
    else if (pages !== rows.folioPages[row]) verdict[at] = VERDICT.busy;
    rows.flags[row] |= flags;
    rows.node[row] = node;
    if (isLead) rows.folioStart[row] = start;
  });
  for (let at = 0; at < verdict.length; at++) {
    const row = rowOf[at];
    if (frames.mappings[row] > 1) rows.flags[row] |= FACT.shared;
    if (verdict[at] !== VERDICT.none && rows.verdict[row] === VERDICT.none) rows.verdict[row] = verdict[at];
  }
}
