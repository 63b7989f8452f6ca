import { ERRNO } from './errno.ts';
import type { OwnerMemory } from './kernel.ts';
import type { FrameMoves } from './plan.ts';
import type { Probes } from './probes.ts';
import type { Rows } from './resolve.ts';
import { VERDICT } from './verdict.ts';

interface FrameMove {
  readonly entry: number;
  readonly from: number;
  readonly to: number;
  readonly pages: number;
}

/** Where contents went, in the order in which that was found out. */
export interface FrameMoveTally {
  readonly moves: FrameMove[];
}

export function toFrameMoves({ moves }: FrameMoveTally): FrameMoves {
  return {
    entry: Uint32Array.from(moves, ({ entry }) => entry),
    from: Float64Array.from(moves, ({ from }) => from),
    to: Float64Array.from(moves, ({ to }) => to),
    pages: Uint32Array.from(moves, ({ pages }) => pages),
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
export function followFrames(rows: Rows, followed: Followed, { moves }: FrameMoveTally): void {
  const { asked, probe, from, to } = followed;
  for (let i = 0; i < asked.length; i++) {
    const entry = rows.entry[asked[i]];
    const first = probe.from[i];
    const pages = probe.from[i + 1] - first;
    if (isWhole(followed, first, pages)) moves.push({ entry, from: from[first], to: to[first], pages });
    else
      for (let at = first; at < first + pages; at++)
        if (hasMoved(followed, at)) moves.push({ entry, from: from[at], to: to[at], pages: 1 });
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
