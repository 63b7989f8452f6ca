import type { Random } from './random.ts';

const BLOCK = 512;

/** The frames of one node, handed out anew or a freed one again, in an order that is shuffled and always the same. */
export interface FrameStore {
  /** Frames are `first` to `end - 1`. */
  readonly first: number;
  readonly end: number;
  take(): number;
  /** The first of 512 aligned frames. */
  takeBlock(): number;
  give(frame: number): void;
  /** A whole block, to be handed out as one again. */
  giveBlock(head: number): void;
}

/** Frames that a node of this capacity needs so that blocks never run out for want of neighbours. */
export function spanOf(capacityPages: number): number {
  return BLOCK * Math.ceil((4 * capacityPages) / BLOCK + 8);
}

/** Lone frames are taken from the low end, blocks from the high end; neither becomes the other but by freeing. */
export function createFrameStore(first: number, span: number, random: Random): FrameStore {
  const end = first + span;
  const freed: number[] = [];
  const freedBlocks: number[] = [];
  let next = first;
  let nextBlock = end;

  function takeAny(list: number[]): number {
    const at = Math.floor(random() * list.length);
    const frame = list[at];
    list[at] = list[list.length - 1];
    list.pop();
    return frame;
  }

  return {
    first,
    end,
    take() {
      const fresh = next < nextBlock;
      if (freed.length > 0 && (!fresh || random() < 0.75)) return takeAny(freed);
      if (!fresh) throw new RangeError('a simulated node holds several times its capacity');
      return next++;
    },
    takeBlock() {
      if (freedBlocks.length > 0) return takeAny(freedBlocks);
      nextBlock -= BLOCK;
      if (nextBlock < next) throw new RangeError('a simulated node holds several times its capacity');
      return nextBlock;
    },
    give(frame) {
      freed.push(frame);
    },
    giveBlock(head) {
      freedBlocks.push(head);
    },
  };
}
