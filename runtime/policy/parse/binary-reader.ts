import { failure } from '../../../executor/result.ts';
import type { LoadFailure, LoadFault } from '../policy.ts';

/**
 * Reads a Wasm binary of unknown origin. A fault is sticky: it moves the reader to its end, every later
 * read answers zero or nothing, and the caller looks at `fault` once, when it is through. Its message says
 * where it lies, as `(code section, function 12, byte 0x3fa of the component)`.
 */
export interface BinaryReader {
  readonly fault: LoadFailure | undefined;
  readonly atEnd: boolean;
  /** Bytes from the beginning of the outermost reader's. */
  readonly offset: number;
  /** `at`: the offset to blame; left out, where the last read began. */
  fail(message: string, code?: LoadFault, at?: number): void;
  /** Ends this reader, and those around it, with a fault as it is. */
  stop(fault: LoadFailure): void;
  /** A place as it stands in messages; `at` as for `fail`. */
  place(at?: number): string;
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
  /** A reader over the next bytes, whose fault is also this one's; `label` says in messages what they are. */
  section(length: number, label?: string): BinaryReader;
}

/** What a reader's bytes are. */
export interface Origin {
  /** In whose bytes offsets count: `component` or `core module`. */
  readonly whole?: string;
  /** Where in these the reader's first byte lies. */
  readonly base?: number;
  /** Of faults for which nobody gives another code. */
  readonly code?: LoadFault;
}

interface Context extends Required<Origin> {
  readonly parent: BinaryReader | undefined;
  /** Of the sections around, the outermost first. */
  readonly labels: readonly string[];
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A fault of the reader is also its parent's. */
export function createBinaryReader(
  bytes: Uint8Array,
  parent?: BinaryReader,
  { whole = 'binary', base = 0, code = 'component-malformed' }: Origin = {},
): BinaryReader {
  return createReader(bytes, { parent, whole, base, code, labels: [] });
}

function createReader(bytes: Uint8Array, context: Context): BinaryReader {
  const { whole, base, labels } = context;
  let position = 0;
  /** Where the last read began. */
  let began = 0;
  let fault: LoadFailure | undefined;

  function stop(reason: LoadFailure): void {
    fault ??= reason;
    position = bytes.length;
    context.parent?.stop(reason);
  }

  function place(at = base + began): string {
    return [...labels, `byte 0x${at.toString(16)} of the ${whole}`].join(', ');
  }

  function fail(message: string, code = context.code, at?: number): void {
    if (fault === undefined) stop(failure(code, `${message} (${place(at)})`));
  }

  function next(): number {
    if (position < bytes.length) return bytes[position++]!;
    fail('the binary ends too early: is the file complete?');
    return 0;
  }

  function byte(): number {
    began = position;
    return next();
  }

  function u32(): number {
    began = position;
    const first = next();
    if (first < 128) return first;
    let value = first & 127;
    for (let shift = 7; shift < 35; shift += 7) {
      const group = next();
      if (shift === 28 && group > 15) break;
      value += (group & 127) * 2 ** shift;
      if (group < 128) return value;
    }
    fail('the binary holds a number longer than 32 bits');
    return 0;
  }

  function s33(): number {
    began = position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const group = next();
      value += (group & 127) * 2 ** shift;
      if (group < 128) return (group & 64) === 0 ? value : value - 2 ** (shift + 7);
    }
    fail('the binary holds a number longer than 33 bits');
    return 0;
  }

  function skipSigned(bytesMax: number): void {
    began = position;
    for (let left = bytesMax; left > 0; left--) if (next() < 128) return;
    fail(`the binary holds a number longer than ${bytesMax} bytes`);
  }

  function count(): number {
    const items = u32();
    if (items <= bytes.length - position) return items;
    fail('the binary holds a vector longer than its section');
    return 0;
  }

  function take(length: number): Uint8Array {
    began = position;
    if (length > bytes.length - position) fail('the binary ends too early: is the file complete?');
    const taken = bytes.subarray(position, position + length);
    position += taken.length;
    return taken;
  }

  function name(): string {
    const start = position;
    const encoded = take(u32());
    began = start;
    try {
      return UTF8.decode(encoded);
    } catch {
      fail('the binary holds a name that is not UTF-8');
      return '';
    }
  }

  function section(length: number, label?: string): BinaryReader {
    const start = base + position;
    const inner = label === undefined ? labels : [...labels, label];
    return createReader(take(length), { ...context, parent: reader, base: start, labels: inner });
  }

  const reader: BinaryReader = {
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
    stop,
    place,
    byte,
    peek: () => bytes[position] ?? 0,
    u32,
    s33,
    skipSigned,
    count,
    take,
    rest: () => take(bytes.length - position),
    name,
    section,
  };
  return reader;
}
