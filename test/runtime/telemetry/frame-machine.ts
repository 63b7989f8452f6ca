import { FRAME_HIGH, FRAME_LOW } from '../../../executor/linux/frame-flags.ts';
import { success } from '../../../executor/result.ts';
import type { FrameMemory } from '../../../runtime/telemetry/sensor-idle/frame-memory.ts';

/** A folio that lives in physical memory. */
export interface Folio {
  readonly head: number;
  readonly pages: number;
  readonly file: boolean;
  readonly fixed: boolean;
  readonly cgroup: number;
}

/** Physical memory that behaves as mm/page_idle.c and fs/proc/page.c describe it. */
export interface FrameMachine extends FrameMemory {
  /** Node by memory block; -1 = none. To be changed by a test. */
  readonly nodeOfBlock: number[];
  /** Folios on LRU lists by head frame. */
  readonly folios: ReadonlyMap<number, Folio>;
  /** Frames that are neither free nor on an LRU list: flags by frame. */
  readonly others: Map<number, number>;
  scope: ReadonlySet<number> | undefined;
  isFree(frame: number): boolean;
  bear(folio: Folio): void;
  /** Also of a folio that lost its place on the LRU list. */
  free(head: number): void;
  touch(head: number): void;
}

export const PAGES_PER_MEMORY_BLOCK = 1_024;

export function createFrameMachine(nodeOfBlock: number[]): FrameMachine {
  const folios = new Map<number, Folio>();
  const others = new Map<number, number>();
  const byFrame = new Map<number, Folio>();
  const idle = new Set<number>();
  const end = () => nodeOfBlock.length * PAGES_PER_MEMORY_BLOCK;
  const isOnline = (frame: number) => (nodeOfBlock[Math.floor(frame / PAGES_PER_MEMORY_BLOCK)] ?? -1) >= 0;

  function flagsOf(frame: number): [low: number, high: number] {
    if (!isOnline(frame)) return [FRAME_LOW.nopage, 0];
    const folio = byFrame.get(frame);
    if (!folio) return [others.get(frame) ?? FRAME_LOW.buddy, 0];
    if (frame !== folio.head) return [FRAME_LOW.tail, 0];
    const low = FRAME_LOW.lru | (folio.pages > 1 ? FRAME_LOW.head : 0) | (folio.file ? 0 : FRAME_LOW.anon);
    return [low, folio.fixed ? FRAME_HIGH.mlocked : 0];
  }

  function fill(first: number, lanes: Uint32Array, entry: (frame: number) => readonly [number, number]) {
    const count = Math.max(0, Math.min(lanes.length / 2, end() - first));
    for (let at = 0; at < count; at++) lanes.set(entry(first + at), 2 * at);
    return success(count);
  }

  /** Visits the frame of each bit in words that exist; answers how many those are. */
  function eachBit(first: number, lanes: Uint32Array, visit: (frame: number, lane: number) => void) {
    const words = Math.max(0, Math.min(lanes.length / 2, end() / 64 - first));
    for (let at = 0; at < words * 64; at++) visit(first * 64 + at, at);
    return success(words);
  }

  const machine: FrameMachine = {
    nodeOfBlock,
    folios,
    others,
    scope: undefined,
    isFree: (frame) => !byFrame.has(frame),
    bear(folio) {
      folios.set(folio.head, folio);
      for (let at = 0; at < folio.pages; at++) byFrame.set(folio.head + at, folio);
    },
    free(head) {
      for (let at = 0; at < (folios.get(head)?.pages ?? 0); at++) byFrame.delete(head + at);
      folios.delete(head);
      idle.delete(head);
    },
    touch: (head) => void idle.delete(head),
    blocks: () => success({ pagesPerBlock: PAGES_PER_MEMORY_BLOCK, node: Int16Array.from(nodeOfBlock) }),
    cgroups: () => machine.scope,
    readIdle(first, lanes) {
      lanes.fill(0);
      return eachBit(first, lanes, (frame, at) => {
        if (idle.has(frame) && isOnline(frame)) lanes[at >>> 5] |= 1 << (at & 31);
      });
    },
    markIdle: (first, lanes) =>
      eachBit(first, lanes, (frame, at) => {
        if ((lanes[at >>> 5] >>> (at & 31)) & 1 && folios.has(frame) && isOnline(frame)) idle.add(frame);
      }),
    readFlags: (first, lanes) => fill(first, lanes, flagsOf),
    readCgroups: (first, lanes) => fill(first, lanes, (frame) => [byFrame.get(frame)?.cgroup ?? 0, 0]),
    close() {},
  };
  return machine;
}
