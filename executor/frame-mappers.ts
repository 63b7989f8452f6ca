import type { Result } from './result.ts';

/** How sure a source is that it named everybody who maps a frame. */
export const MAPPERS = {
  /** The source could not tell; ask another. */
  unknown: 0,
  /** These are all. */
  complete: 1,
  /** There are more. */
  truncated: 2,
} as const;

/** Who maps which frames: columns with one row per (frame, mapping) found, in the order of the frames asked for. */
export interface FrameMappers {
  /** Row of the frame in the question. */
  readonly frame: Uint32Array;
  readonly pid: Uint32Array;
  /** Virtual page number at which that process maps it. */
  readonly pageNumber: Float64Array;
  /** One of `MAPPERS` per frame asked for. */
  readonly answer: Uint8Array;
}

/**
 * Turns page frame numbers into (process, virtual page). Answers are hints: memory moves while one asks, so
 * whoever acts on them reads the pagemap entry once more.
 */
export interface FrameMapperSource {
  /** Frames are head frames, ascending and distinct. */
  find(frame: Float64Array): Result<FrameMappers>;
  close(): void;
}
