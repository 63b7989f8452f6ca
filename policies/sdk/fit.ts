import { setLength } from './abi';

/**
 * The typed array with another length: it keeps what it held, and values beyond the old length are zero.
 * Grows by half at least, so that arrays which follow `regions` seldom move.
 *
 *     heat = fit<Float32Array>(heat, epoch.regions);
 */
export function fit<T extends ArrayBufferView>(array: T, length: i32): T {
  const old = array.length;
  if (length <= old) {
    setLength<T>(array, length);
    return array;
  }
  const capacity = array.buffer.byteLength / sizeof<valueof<T>>();
  if (length <= capacity) {
    setLength<T>(array, length);
    array.fill(0, old, length);
    return array;
  }
  const grown = instantiate<T>(max(length, old + (old >> 1)));
  grown.set(array);
  setLength<T>(grown, length);
  return grown;
}
