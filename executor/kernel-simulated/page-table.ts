/** `nodeAt` of a page that is not present. */
export const ABSENT = 255;

/** The pages of one simulated process: node, flags and frame by page number. */
export interface PageTable {
  /** Slot of a page, or -1 if it was never set. Slots stay valid until the next `add`. */
  find(page: number): number;
  /** Slot of a page, made if need be (absent, no flags). */
  add(page: number): number;
  /** Columns by slot, for as long as no page is added. */
  nodeAt(slot: number): number;
  setNode(slot: number, node: number): void;
  flagsAt(slot: number): number;
  setFlags(slot: number, flags: number): void;
  /** Only of a present page. */
  frameAt(slot: number): number;
  setFrame(slot: number, frame: number): void;
  /** Calls back for every present page. */
  forEachPresent(visit: (page: number, slot: number) => void): void;
}

/**
 * Open addressing over typed arrays: about 32 bytes a page whether a million pages lie side by side or
 * scattered. Freed pages keep their slot, so probing needs no tombstones.
 */
export function createPageTable(): PageTable {
  let mask = 1_023;
  let size = 0;
  let keys = new Float64Array(mask + 1).fill(-1);
  let nodes = new Uint8Array(mask + 1).fill(ABSENT);
  let flags = new Uint16Array(mask + 1);
  let frames = new Uint32Array(mask + 1);

  function slotOf(page: number): number {
    let hash = Math.imul(page, 0x9e3779b1) ^ Math.imul(Math.floor(page / 4_294_967_296), 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (keys[slot] !== page && keys[slot] !== -1) slot = (slot + 1) & mask;
    return slot;
  }

  function grow(): void {
    const old = { keys, nodes, flags, frames };
    mask = mask * 2 + 1;
    keys = new Float64Array(mask + 1).fill(-1);
    nodes = new Uint8Array(mask + 1).fill(ABSENT);
    flags = new Uint16Array(mask + 1);
    frames = new Uint32Array(mask + 1);
    for (let i = 0; i < old.keys.length; i++) {
      if (old.keys[i] === -1) continue;
      const slot = slotOf(old.keys[i]);
      keys[slot] = old.keys[i];
      nodes[slot] = old.nodes[i];
      flags[slot] = old.flags[i];
      frames[slot] = old.frames[i];
    }
  }

  return {
    find(page) {
      const slot = slotOf(page);
      return keys[slot] === page ? slot : -1;
    },
    add(page) {
      let slot = slotOf(page);
      if (keys[slot] === page) return slot;
      if ((size + 1) * 2 > mask) {
        grow();
        slot = slotOf(page);
      }
      size++;
      keys[slot] = page;
      return slot;
    },
    nodeAt: (slot) => nodes[slot],
    setNode: (slot, node) => {
      nodes[slot] = node;
    },
    flagsAt: (slot) => flags[slot],
    setFlags: (slot, value) => {
      flags[slot] = value;
    },
    frameAt: (slot) => frames[slot],
    setFrame: (slot, value) => {
      frames[slot] = value;
    },
    forEachPresent(visit) {
      for (let slot = 0; slot <= mask; slot++) {
        if (nodes[slot] !== ABSENT) visit(keys[slot], slot);
      }
    },
  };
}
