import type { FrameMoves, Outcome } from '../../../executor/plan.ts';
import { VERDICT, isRejection, verdictName } from '../../../executor/verdict.ts';
import { compareFlows, placeKey, sum } from './comparison.ts';
import type { Comparison } from './comparison.ts';
import { framesOfMemory } from './frame-wish.ts';
import type { FrameWish } from './frame-wish.ts';
import { readNodeOfFrame } from './frames.ts';
import type { Memory } from './memory.ts';

/** Where the contents behind one virtual page are. */
interface Place {
  readonly frame: number;
  readonly node: number;
}

/** The present pages of processes, by owner and page number. */
export type FrameView = ReadonlyMap<string, Place>;

export interface FrameComparison extends Comparison {
  /** Pages whose way from frame to frame the outcome tells wrongly, or tells and there was none. */
  readonly frameDisagreements: number;
}

/** Frames by pagemap, nodes by the processes' own question; both must name the same memory block. */
export async function viewFrames(memories: readonly Memory[]): Promise<FrameView> {
  const nodeOf = readNodeOfFrame();
  const view = new Map<string, Place>();
  for (const memory of memories) {
    const nodes = await memory.nodes();
    framesOfMemory(memory).forEach((frame, i) => {
      const node = nodes[i] as number;
      if (frame === 0 || node < 0) return;
      if (nodeOf(frame) !== node) throw new Error(`frame ${frame} is on node ${nodeOf(frame)}, not ${node}`);
      view.set(placeKey(memory.process.owner.pid, memory.page + i), { frame, node });
    });
  }
  return view;
}

/** Everybody known to map each frame. */
function mappersOf(view: FrameView): Map<number, string[]> {
  const mappers = new Map<number, string[]>();
  for (const [key, { frame }] of view) mappers.set(frame, [...(mappers.get(frame) ?? []), key]);
  return mappers;
}

/** A page of contents that an entry names: where it was, and where it is for all who map it. */
interface Content {
  readonly was: Place;
  /** Undefined when its mappers no longer agree, or it is gone. */
  readonly is: Place | undefined;
}

function contentOf(frame: number, mappers: readonly string[], before: FrameView, after: FrameView): Content {
  const was = before.get(mappers[0] as string) as Place;
  const places = mappers.map((key) => after.get(key));
  const [first] = places;
  const agree = first && places.every((place) => place?.frame === first.frame);
  return { was: { ...was, frame }, is: agree ? first : undefined };
}

/**
 * Whether the verdict may stand beside what became of the contents. Frames of nobody known must be refused; where
 * they lie in one entry with others, they may speak for all of it.
 */
function agrees(verdict: number, target: number, pages: number, contents: readonly Content[]): boolean {
  if (contents.length === 0) return isRejection(verdict);
  const arrived = contents.every(({ is }) => is?.node === target);
  const wasThere = contents.every(({ was }) => was.node === target);
  if (verdict === VERDICT.moved) return arrived && !wasThere;
  if (verdict === VERDICT['in-place']) return arrived && wasThere;
  return !arrived || contents.length < pages;
}

/**
 * Holds the outcome of a physical plan against what the processes know of their own memory: where the contents
 * of each frame went, page by page. A folio that two entries name counts with the one that won.
 */
export function compareFrames(
  outcome: Outcome,
  wishes: readonly FrameWish[],
  before: FrameView,
  after: FrameView,
): FrameComparison {
  const mappers = mappersOf(before);
  const verdicts: Record<string, number> = {};
  const flows = new Map<string, number>();
  const ways = new Set<string>();
  let trueMovedPages = 0;
  let disagreements = 0;
  wishes.forEach((wish, entry) => {
    const verdict = outcome.verdicts[entry] as number;
    const said = outcome.movedPages[entry] as number;
    const name = verdictName(verdict) ?? `${verdict}`;
    verdicts[name] = (verdicts[name] ?? 0) + 1;
    if (verdict === VERDICT.duplicate) {
      if (said !== 0) disagreements++;
      return;
    }
    const { frame: first, pages } = wish.rounded ?? wish;
    const contents = Array.from({ length: pages }, (_, i) => first + i).flatMap((frame) => {
      const found = mappers.get(frame);
      return found ? [contentOf(frame, found, before, after)] : [];
    });
    let moved = 0;
    for (const { was, is } of contents) {
      if (was.node === wish.target || is?.node !== wish.target) continue;
      moved++;
      const flow = `${was.node}>${wish.target}`;
      flows.set(flow, (flows.get(flow) ?? 0) + 1);
      ways.add(`${entry}:${was.frame}>${is.frame}`);
    }
    trueMovedPages += moved;
    if (said !== moved || !agrees(verdict, wish.target, pages, contents)) disagreements++;
  });
  return {
    saidMovedPages: sum(outcome.movedPages),
    trueMovedPages,
    disagreements,
    flowDisagreements: compareFlows(outcome, flows),
    frameDisagreements: compareWays(outcome.frames, ways),
    verdicts,
  };
}

function compareWays({ entry, from, to, pages }: FrameMoves, truth: ReadonlySet<string>): number {
  const said = [...entry].flatMap((row, at) =>
    Array.from(
      { length: pages[at] as number },
      (_, i) => `${row}:${(from[at] as number) + i}>${(to[at] as number) + i}`,
    ),
  );
  const told = new Set(said);
  const missing = [...truth].filter((way) => !told.has(way)).length;
  return missing + said.filter((way) => !truth.has(way)).length + (said.length - told.size);
}
