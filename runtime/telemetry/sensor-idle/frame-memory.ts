import type { MemoryBlocks } from '../../../executor/procfs/memory-blocks.ts';
import type { Result } from '../../../executor/result.ts';
import type { SourceFault } from '../source.ts';

/** Frames in one word of the idle bitmap; a word is two 32-bit lanes, the lower frames first. */
export const FRAMES_PER_WORD = 64;

/**
 * Physical memory as the kernel shows it. Reads and writes answer how much they did: less than asked at the
 * end of memory, never an error there. Entries and words are two lanes each, the lower half first.
 */
export interface FrameMemory {
  /** Which node each memory block belongs to now. */
  blocks(): Result<MemoryBlocks, SourceFault>;
  /** Inodes of the cgroups whose frames count; undefined = everybody's. */
  cgroups(): ReadonlySet<number> | undefined;
  /** Idle bits from word `first` on. An idle bit stays set until the frame is accessed or freed. */
  readIdle(first: number, lanes: Uint32Array): Result<number, SourceFault>;
  /** Sets idle bits from word `first` on; clear bits leave their frames alone. */
  markIdle(first: number, lanes: Uint32Array): Result<number, SourceFault>;
  /** Entries of kpageflags from a frame on. */
  readFlags(first: number, lanes: Uint32Array): Result<number, SourceFault>;
  /** Entries of kpagecgroup from a frame on: the inode of the cgroup each frame is charged to. */
  readCgroups(first: number, lanes: Uint32Array): Result<number, SourceFault>;
  close(): void;
}
