/** What can happen to a region between two epochs. */
export enum EventKind {
  /** The index means nothing any more; it may be born again, in a later epoch, as something else. */
  Died = 0,
  Born = 1,
  /** Part of the region became the region `other`. */
  Split = 2,
  /** The region `other` became part of the region. */
  Merged = 3,
  /** Forget everything about every region; `region` and `other` mean nothing. */
  Forget = 4,
  /** Part of what lay in `other` lies in the region now. */
  Scattered = 5,
}

/** What happened to regions since the last epoch: three columns of one length, oldest first. */
@final
export class Events {
  constructor(
    /** Values of `EventKind`; ignore those you do not know. */
    public kinds: Uint8Array,
    public regions: Uint32Array,
    public others: Uint32Array,
  ) {}

  get length(): i32 {
    return this.kinds.length;
  }
}
