/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/** Xorshift with 32 bits of state (Marsaglia, "Xorshift RNGs", 2003): plenty for choosing faults. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4_294_967_296;
  };
}
