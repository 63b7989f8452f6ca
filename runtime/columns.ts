type Growable = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** A copy of `array` with room for `length` values; the old values first, zeros after. */
export function grow<T extends Growable>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(length);
  larger.set(array as never);
  return larger;
}
