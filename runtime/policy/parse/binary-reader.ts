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
  /** Passes over a signed LEB128 number of at most that many bits. */
  skipSigned(bits: 32 | 64): void;
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

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A fault of the reader is also its parent's. */
export function createBinaryReader(
  bytes: Uint8Array,
  parent?: BinaryReader,
  { whole = 'binary', base = 0, code = 'component-malformed' }: Origin = {},
): BinaryReader {
  return new Reader(bytes, { parent, whole, base, code, labels: [] });
}

interface Context extends Required<Origin> {
  readonly parent: BinaryReader | undefined;
  /** Of the sections around, the outermost first. */
  readonly labels: readonly string[];
}

/** A class, since every function body has a reader: made of closures, they take more than twice the time. */
class Reader implements BinaryReader {
  fault: LoadFailure | undefined;
  readonly #bytes: Uint8Array;
  readonly #context: Context;
  #position = 0;
  /** Where the last read began. */
  #began = 0;

  constructor(bytes: Uint8Array, context: Context) {
    this.#bytes = bytes;
    this.#context = context;
  }

  get atEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  get offset(): number {
    return this.#context.base + this.#position;
  }

  fail(message: string, code = this.#context.code, at?: number): void {
    if (this.fault === undefined) this.stop(failure(code, `${message} (${this.place(at)})`));
  }

  stop(reason: LoadFailure): void {
    this.fault ??= reason;
    this.#position = this.#bytes.length;
    this.#context.parent?.stop(reason);
  }

  place(at = this.#context.base + this.#began): string {
    const { labels, whole } = this.#context;
    return [...labels, `byte 0x${at.toString(16)} of the ${whole}`].join(', ');
  }

  byte(): number {
    this.#began = this.#position;
    return this.#next();
  }

  #next(): number {
    if (this.#position < this.#bytes.length) return this.#bytes[this.#position++]!;
    this.#failEarly();
    return 0;
  }

  #failEarly(): void {
    this.fail('the binary ends too early: is the file complete?');
  }

  peek(): number {
    return this.#bytes[this.#position] ?? 0;
  }

  u32(): number {
    const first = this.byte();
    if (first < 128) return first;
    let value = first & 127;
    for (let shift = 7; shift < 35; shift += 7) {
      const group = this.#next();
      if (shift === 28 && group > 15) break;
      value += (group & 127) * 2 ** shift;
      if (group < 128) return value;
    }
    this.fail('the binary holds a number longer than 32 bits');
    return 0;
  }

  s33(): number {
    this.#began = this.#position;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const group = this.#next();
      value += (group & 127) * 2 ** shift;
      if (shift === 28 && !repeatsSign(group, 33)) break;
      if (group < 128) return (group & 64) === 0 ? value : value - 2 ** (shift + 7);
    }
    this.fail('the binary holds a number longer than 33 bits');
    return 0;
  }

  skipSigned(bits: 32 | 64): void {
    this.#began = this.#position;
    const bytesMax = Math.ceil(bits / 7);
    for (let at = 1; at <= bytesMax; at++) {
      const group = this.#next();
      if (group >= 128) continue;
      if (at === bytesMax && !repeatsSign(group, bits))
        this.fail(`the binary holds a number longer than ${bits} bits`);
      return;
    }
    this.fail(`the binary holds a number longer than ${bytesMax} bytes`);
  }

  count(): number {
    const items = this.u32();
    if (items <= this.#bytes.length - this.#position) return items;
    this.fail('the binary holds a vector longer than its section');
    return 0;
  }

  take(length: number): Uint8Array {
    this.#began = this.#position;
    if (length > this.#bytes.length - this.#position) this.#failEarly();
    const taken = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += taken.length;
    return taken;
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#position);
  }

  name(): string {
    const start = this.#position;
    const encoded = this.take(this.u32());
    this.#began = start;
    try {
      return UTF8.decode(encoded);
    } catch {
      this.fail('the binary holds a name that is not UTF-8');
      return '';
    }
  }

  section(length: number, label?: string): BinaryReader {
    const { labels } = this.#context;
    const base = this.offset;
    const inner = label === undefined ? labels : [...labels, label];
    return new Reader(this.take(length), { ...this.#context, parent: this, base, labels: inner });
  }
}

/** Whether the bits that a signed LEB128 number has too many in its longest form repeat its sign, as they must. */
function repeatsSign(lastGroup: number, bits: number): boolean {
  const signAt = (bits - 1) % 7;
  const sign = (lastGroup & 127) >> signAt;
  return sign === 0 || sign === 127 >> signAt;
}
