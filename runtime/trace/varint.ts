/** Reads little-endian base-128 numbers (LEB128). After a fault it answers 0 and `broken` says why. */
export interface VarintReader {
  readonly offset: number;
  /** Bytes not read yet. */
  readonly left: number;
  readonly broken: string | undefined;
  next(): number;
  fail(reason: string): void;
}

/** Seven groups of seven bits stay below 2^52, exact in a double. */
const GROUPS_MAX = 7;

export function createVarintReader(bytes: Uint8Array, start: number): VarintReader {
  let offset = start;
  let broken: string | undefined;

  function next(): number {
    if (broken) return 0;
    let value = 0;
    for (let group = 0, scale = 1; group < GROUPS_MAX; group++, scale *= 128) {
      if (offset >= bytes.length) return fail('ends within a number');
      const byte = bytes[offset++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return fail('holds a number of more than 49 bits');
  }

  function fail(reason: string): number {
    broken ??= reason;
    return 0;
  }

  return {
    get offset() {
      return offset;
    },
    get left() {
      return bytes.length - offset;
    },
    get broken() {
      return broken;
    },
    next,
    fail,
  };
}
