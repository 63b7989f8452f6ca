import type { OwnerRef } from '../../executor/plan.ts';

/** Whose regions they are: a process' by its pages, or the machine's by their frames. */
export interface Holder {
  /** Undefined for the machine. */
  readonly ref: OwnerRef | undefined;
  readonly ordinal: number;
  /** By first page; of two that begin alike, the larger one first. */
  known: Uint32Array;
}

/** Ordinals of holders. One that left is free again one sample later. */
export interface Holders {
  /** Highest ordinal in use + 1. */
  readonly count: number;
  /** The holder of a process, or of the machine; its ordinal is new if it was not known. */
  find(ref: OwnerRef | undefined): Holder;
  at(ordinal: number): Holder | undefined;
  /** Removes and answers those that were not found since `release`. */
  sweep(): readonly Holder[];
  release(): void;
}

export function createHolders(): Holders {
  const holders = new Map<string, Holder>();
  const ordinals: (Holder | undefined)[] = [];
  const found = new Set<Holder>();
  let freed: number[] = [];

  return {
    get count() {
      return ordinals.length;
    },
    find(ref) {
      const key = ref ? `${ref.pid}/${ref.startTimeTicks}/${ref.stackStart}` : 'machine';
      let holder = holders.get(key);
      if (!holder) {
        const hole = ordinals.indexOf(undefined);
        holder = { ref, ordinal: hole < 0 ? ordinals.length : hole, known: new Uint32Array(0) };
        ordinals[holder.ordinal] = holder;
        holders.set(key, holder);
      }
      found.add(holder);
      return holder;
    },
    at: (ordinal) => ordinals[ordinal],
    sweep() {
      const gone = [...holders].filter(([, holder]) => !found.has(holder));
      for (const [key, { ordinal }] of gone) {
        holders.delete(key);
        freed.push(ordinal);
      }
      return gone.map(([, holder]) => holder);
    },
    release() {
      found.clear();
      for (const ordinal of freed) ordinals[ordinal] = undefined;
      freed = [];
    },
  };
}
