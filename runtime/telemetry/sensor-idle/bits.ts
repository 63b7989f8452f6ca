/** Set bits of a 32-bit lane; Warren, Hacker's Delight, 5-1. */
export function countBits(lane: number): number {
  lane -= (lane >>> 1) & 0x5555_5555;
  lane = (lane & 0x3333_3333) + ((lane >>> 2) & 0x3333_3333);
  lane = (lane + (lane >>> 4)) & 0x0f0f_0f0f;
  return Math.imul(lane, 0x0101_0101) >>> 24;
}

export function countAll(lanes: Uint32Array): number {
  let count = 0;
  for (let at = 0; at < lanes.length; at++) count += countBits(lanes[at]);
  return count;
}

/** How many bits are set without a gap from bit `at` on; lanes beyond `end` count as clear. */
export function countRun(lanes: Uint32Array, at: number, end: number): number {
  let next = at;
  while (next < end) {
    const clear = ~lanes[next >>> 5] >>> (next & 31);
    if (clear !== 0) return Math.min(end, next + trailingZeros(clear)) - at;
    next = (next | 31) + 1;
  }
  return end - at;
}

/** Of a lane that is not 0. */
export function trailingZeros(lane: number): number {
  return 31 - Math.clz32(lane & -lane);
}
