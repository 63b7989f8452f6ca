/** What a place is made of. */
export enum PlaceKind {
  NodeWithCpus = 0,
  NodeWithoutCpus = 1,
  Swap = 2,
}

/** Whether a place takes memory. */
export enum PlaceState {
  Usable = 0,
  /** Being emptied: move nothing there. */
  Draining = 1,
  Gone = 2,
}

/** Value of the `place` column for a region that lies in none of the places. */
export const PLACE_NONE: u8 = 255;

/** Where memory can live. Indices and figures hold for this epoch only. Sizes are base pages. */
@final
export class Place {
  /** 0 = fastest. Places of one tier are equally fast. */
  tier: u8 = 0;
  kind: PlaceKind = PlaceKind.NodeWithCpus;
  state: PlaceState = PlaceState.Usable;
  /** All pages the place has. */
  capacity: u32 = 0;
  /** Pages free above watermark and reserve, within the limit the operator set here. */
  room: u32 = 0;
  /** Pages that will be let in during this epoch. */
  budget: u32 = 0;
  /** 0 = unknown. */
  latencyNs: u32 = 0;
  /** MiB per second; 0 = unknown. */
  bandwidthMib: u32 = 0;
}
