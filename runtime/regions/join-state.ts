import type { EventLog } from '../event-log.ts';
import type { SampleRows } from '../telemetry/source.ts';
import type { RecentMoves } from './recent-moves.ts';
import type { RegionSlots } from './slots.ts';

export interface JoinInputs {
  readonly slots: RegionSlots;
  readonly events: EventLog;
  readonly recent: RecentMoves;
  readonly rows: SampleRows;
  /** Rows `start` … `end` - 1 are the owner's. */
  readonly start: number;
  readonly end: number;
  readonly ordinal: number;
  readonly epoch: number;
  /** The owner's regions by first page; of two that begin alike, the larger one first. */
  readonly known: Uint32Array;
  /** Receives the region of each row; `slots.regions` for a row that is none. */
  readonly rowRegion: Uint32Array;
}

/** A known region that reaches beyond what has been placed of it. */
export interface Cover {
  readonly region: number;
  readonly end: number;
  /** Its first page is in the sample, so it lives on. */
  readonly lives: boolean;
  /** Others were split from it. */
  parted: boolean;
}

export interface Join extends JoinInputs {
  /** Next row, and next of `known`. */
  row: number;
  at: number;
  /** Whether anything but matches was met. */
  changed: boolean;
  /** Nested; the innermost last. */
  readonly covers: Cover[];
  /** Regions that live on although no row shows them. */
  readonly unseen: number[];
  /** Rows that are no regions. */
  readonly ignored: number[];
}

/** In `rowRegion`, until all regions are placed: a row that is none. */
export const NONE = 0xffff_ffff;
