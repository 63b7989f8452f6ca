import { failure } from '../../../executor/result.ts';
import type { LoadFailure, LoadFault } from '../policy.ts';

/**
 * Reads a Wasm binary of unknown origin. A fault is sticky: it moves the reader to its end, every later
 * read answers zero or nothing, and the caller looks at `fault` once, when it is through.
 */
export interface BinaryReader {
  readonly fault: LoadFailure | undefined;
  readonly atEnd: boolean;
  /** Bytes from the beginning of the outermost reader's. */
  readonly offset: number;
  fail(message: string, code?: LoadFault): void;
  byte(): number;
  /** The next byte, which stays unread; 0 at the end. */
  peek(): number;
  /** An unsigned LEB128 number of at most 32 bits. */
  u32(): number;
  /** A signed LEB128 number of at most 33 bits. */
  s33(): number;
  /** Passes over a signed LEB128 number of at most that many bytes. */
  skipSigned(bytesMax: number): void;
  /** A length of a vector; each item takes at least one byte, so more items than bytes left is a fault. */
  count(): number;
  /** The next bytes, not copied. */
  take(length: number): Uint8Array;
  /** All bytes left, not copied. */
  rest(): Uint8Array;
  name(): string;
  /** A reader over the next bytes, whose fault is also this one's. */
  section(length: number): BinaryReader;
}

export function createBinaryReader(bytes: Uint8Array, parent?: BinaryReader, base = 0): BinaryReader {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let position = 0;
  let fault: LoadFailure | undefined;

  function fail(message: string, code: LoadFault = 'component-malformed'): void {
    fault ??= failure(code, message);
    position = bytes.length;
    parent?.fail(message, code);
  }

  function byte(): number {
    if (position < bytes.length) return bytes[position++]!;
    fail('the binary ends too early: is the file complete?');
    return 0;
  }

  function u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const next = byte();
      if (shift === 28 && next > 15) break;
      value += (next & 127) * 2 ** shift;
      if (next < 128) return value;
    }
    fail('the binary holds a number longer than 32 bits');
    return 0;
  }

  function s33(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const next = byte();
      value += (next & 127) * 2 ** shift;
      if (next < 128) return (next & 64) === 0 ? value : value - 2 ** (shift + 7);
    }
    fail('the binary holds a number longer than 33 bits');
    return 0;
  }

  function skipSigned(bytesMax: number): void {
    for (let left = bytesMax; left > 0; left--) if (byte() < 128) return;
    fail(`the binary holds a number longer than ${bytesMax} bytes`);
  }

  function take(length: number): Uint8Array {
    if (length > bytes.length - position) fail('the binary ends too early: is the file complete?');
    const taken = bytes.subarray(position, position + length);
    position += taken.length;
    return taken;
  }

  return {
    get fault() {
      return fault;
    },
    get atEnd() {
      return position >= bytes.length;
    },
    get offset() {
      return base + position;
    },
    fail,
    byte,
    peek: () => bytes[position] ?? 0,
    u32,
    s33,
    skipSigned,
    count() {
      const count = u32();
      if (count <= bytes.length - position) return count;
      fail('the binary holds a vector longer than its section');
      return 0;
    },
    take,
    rest: () => take(bytes.length - position),
    name() {
      const encoded = take(u32());
      try {
        return utf8.decode(encoded);
      } catch {
        fail('the binary holds a name that is not UTF-8');
        return '';
      }
    },
    section(length) {
      const start = base + position;
      return createBinaryReader(take(length), this, start);
    },
  };
}
