/** How many of `count` ascending values, as `valueAt` tells them, lie below `value`. */
export function countBelow(count: number, value: number, valueAt: (at: number) => number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (valueAt(middle) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
