import { ERRNO } from './errno.ts';
import type { OwnerMemory } from './kernel.ts';
import type { FrameMoves } from './plan.ts';
import type { Probes } from './probes.ts';
import type { Rows } from './resolve.ts';
import { VERDICT } from './verdict.ts';

/** Columns of `FrameMoves` that grow; only the first `count` rows count. */
export interface FrameMoveTally extends FrameMoves {
  count: number;
  entry: Uint32Array;
  from: Float64Array;
  to: Float64Array;
  pages: Uint32Array;
}

export function createFrameMoveTally(capacity = 1_024): FrameMoveTally {
  return {
    count: 0,
    entry: new Uint32Array(capacity),
    from: new Float64Array(capacity),
    to: new Float64Array(capacity),
    pages: new Uint32Array(capacity),
  };
}

function addMove(tally: FrameMoveTally, entry: number, from: number, to: number, pages: number): void {
  if (tally.count === tally.entry.length) {
    const wider = createFrameMoveTally(2 * tally.count);
    for (const name of ['entry', 'from', 'to', 'pages'] as const) wider[name].set(tally[name]);
    Object.assign(tally, wider, { count: tally.count });
  }
  const row = tally.count++;
  tally.entry[row] = entry;
  tally.from[row] = from;
  tally.to[row] = to;
  tally.pages[row] = pages;
}

export function toFrameMoves({ count, entry, from, to, pages }: FrameMoveTally): FrameMoves {
  return {
    entry: entry.slice(0, count),
    from: from.slice(0, count),
    to: to.slice(0, count),
    pages: pages.slice(0, count),
  };
}

/**
 * The rows of a physical plan whose frame still lies behind the address that stands for it; the others end as
 * `reused`. Asked right before a call, since what holds a frame can have moved away since it was resolved.
 */
export function dropReused(rows: Rows, asked: Uint32Array, memory: OwnerMemory): Uint32Array {
  const { frames } = rows;
  if (!frames) return asked;
  const frame = new Float64Array(asked.length);
  const gone = !memory.frames(
    Float64Array.from(asked, (row) => rows.page[row]),
    frame,
  );
  return asked.filter((row, i) => {
    const held = frame[i] === frames.head[row] + rows.page[row] - rows.folioStart[row];
    if (gone || !held) rows.verdict[row] = gone ? VERDICT['owner-gone'] : VERDICT.reused;
    return held && !gone;
  });
}

/**
 * The frames behind the probes of a physical plan. Where a neighbour of the folio lies among its addresses,
 * `before` says that nothing is there: it is not asked about. undefined = the memory is gone.
 */
export function framesBefore(
  rows: Rows,
  asked: Uint32Array,
  probe: Probes,
  memory: OwnerMemory,
  before: Int32Array,
): Float64Array | undefined {
  const { frames } = rows;
  const frame = new Float64Array(probe.page.length).fill(-1);
  if (!frames || !memory.frames(probe.page, frame)) return undefined;
  for (let i = 0; i < asked.length; i++) {
    for (let at = probe.from[i]; at < probe.from[i + 1]; at++)
      if (frame[at] !== frames.head[asked[i]] + at - probe.from[i]) before[at] = -ERRNO.ENOENT;
  }
  return frame;
}

/** Where the probes were and are, by node and by frame. */
export interface Followed {
  readonly asked: Uint32Array;
  readonly probe: Probes;
  readonly target: number;
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** Adds a move per folio that arrived whole, and one per page of those that did not. */
export function followFrames(rows: Rows, followed: Followed, tally: FrameMoveTally): void {
  const { asked, probe, from, to } = followed;
  for (let i = 0; i < asked.length; i++) {
    const entry = rows.entry[asked[i]];
    const first = probe.from[i];
    const pages = probe.from[i + 1] - first;
    if (isWhole(followed, first, pages)) addMove(tally, entry, from[first], to[first], pages);
    else
      for (let at = first; at < first + pages; at++)
        if (hasMoved(followed, at)) addMove(tally, entry, from[at], to[at], 1);
  }
}

function isWhole(followed: Followed, first: number, pages: number): boolean {
  for (let at = first; at < first + pages; at++)
    if (!hasMoved(followed, at) || followed.to[at] - followed.to[first] !== at - first) return false;
  return true;
}

/** As `reconcile` counts them; a page that was swapped out or freed right after is nowhere. */
function hasMoved({ before, after, target, to }: Followed, at: number): boolean {
  return before[at] >= 0 && before[at] !== target && after[at] === target && to[at] >= 0;
}
