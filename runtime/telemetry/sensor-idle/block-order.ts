/** Walks all blocks in random order, and again in another one: each is met once a round. */
export interface BlockOrder {
  take(count: number, visit: (block: number) => void): void;
}

/** Fisher and Yates' shuffle, done as far as it is needed. `uniform` answers in [0, 1). */
export function createBlockOrder(blocks: number, uniform: () => number): BlockOrder {
  const order = Uint32Array.from({ length: blocks }, (_, block) => block);
  let at = 0;
  return {
    take(count, visit) {
      for (let taken = 0; taken < Math.min(count, blocks); taken++) {
        const other = at + Math.floor(uniform() * (blocks - at));
        const block = order[other];
        order[other] = order[at];
        order[at] = block;
        visit(block);
        at = (at + 1) % blocks;
      }
    },
  };
}
