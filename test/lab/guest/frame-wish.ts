import type { BoundPlan } from '../../../executor/plan.ts';
import { SPACE } from '../../../executor/plan.ts';
import { framesOf } from './frames.ts';
import type { Memory } from './memory.ts';

/** One entry of a physical plan, by hand. */
export interface FrameWish {
  readonly frame: number;
  readonly pages: number;
  readonly target: number;
  /** What the entry stands for where the limits round it to its folio. */
  readonly rounded?: { readonly frame: number; readonly pages: number };
}

/** The frames behind a memory as its own pagemap tells them; 0 where there is none. */
export function framesOfMemory({ process, page, pages }: Memory): Float64Array {
  return framesOf(process.owner.pid, page, pages);
}

/** A wish per `unit` pages of a memory, each by its first frame. */
export function wishFrames(memory: Memory, target: number, unit = 1): FrameWish[] {
  const heads = framesOfMemory(memory).filter((_, page) => page % unit === 0);
  return Array.from(heads, (frame) => ({ frame, pages: unit, target }));
}

export function bindFrameWishes(
  wishes: readonly FrameWish[],
  head: Pick<BoundPlan, 'epoch' | 'scope' | 'topologyGeneration'>,
): BoundPlan {
  return {
    ...head,
    headroom: [],
    owners: [],
    owner: new Uint16Array(wishes.length),
    space: new Uint8Array(wishes.length).fill(SPACE.physical),
    pageNumber: Float64Array.from(wishes, ({ frame }) => frame),
    pages: Uint32Array.from(wishes, ({ pages }) => pages),
    target: Uint8Array.from(wishes, ({ target }) => target),
    priority: new Uint16Array(wishes.length),
  };
}
