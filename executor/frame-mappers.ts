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

/** What restricts the nodes of a mapping's pages beside the cpuset; set_mempolicy(2), mbind(2). */
export const MAPPER_POLICY = {
  unknown: 0,
  free: 1,
  /** Bind, interleave (weighted or not) or prefer-many. */
  bound: 2,
} as const;

/** How many frames each way answered, and how many mappers were no longer true when they were looked at. */
export interface MapperWays {
  readonly cached: number;
  readonly walked: number;
  readonly scanned: number;
  readonly stale: number;
}

/** Who maps which frames: columns with one row per (frame, mapping) found, in the order of the frames asked for. */
export interface FrameMappers {
  /** Row of the frame in the question. */
  readonly frame: Uint32Array;
  /** The process; the thread where its leader has exited and only threads keep the memory. */
  readonly pid: Uint32Array;
  /** Virtual page number at which it maps the head or, where it maps only parts, the first part of the folio. */
  readonly pageNumber: Float64Array;
  /** One of `MAPPERS` per frame asked for. */
  readonly answer: Uint8Array;
  /** Low lane of vm_flags (include/linux/mm.h); 0 = unknown. */
  readonly vmaFlags?: Uint32Array;
  /** Nodes 0–63 that the mapper's cpuset allows, two lanes a row; both 0 = unknown. */
  readonly allowedNodes?: Uint32Array;
  /** One of `MAPPER_POLICY` per row. */
  readonly policy?: Uint8Array;
  readonly how?: MapperWays;
}

/**
 * Turns page frame numbers into (process, virtual page). Answers are hints: memory moves while one asks, so
 * whoever acts on them reads the pagemap entry once more.
 */
export interface FrameMapperSource {
  /** Frames are head frames, ascending and distinct. Those that are no heads any more are `unknown`. */
  find(frame: Float64Array): Result<FrameMappers>;
  close(): void;
}
