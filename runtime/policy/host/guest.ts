import { faultTextBytesMax, logLineBytesMax, logLinesMax } from '../../limits.ts';
import { FUEL_EXPORT } from '../meter/meter.ts';

/** What a call of `log` burns, whether its line is kept or dropped: about what it takes, since lines are cut. */
const LOG_FUEL = 1024n;

/** The policy answered pointers or lengths that cannot be. Caught where a request ends. */
export class Unreadable extends Error {}

/** What a core module of the world `policy` exports; checked before it came here. */
export interface GuestExports {
  readonly memory: WebAssembly.Memory;
  readonly cabi_realloc: (at: number, oldBytes: number, align: number, bytes: number) => number;
  readonly configure: (settings: number, count: number) => number;
  readonly begin: (...epoch: number[]) => void;
  readonly observe: (first: number, count: number, columns: number, columnCount: number) => void;
  readonly decide: () => number;
  readonly save: () => number;
  readonly restore: (version: number, state: number, bytes: number) => number;
}

export interface GuestLog {
  readonly lines: { readonly level: number; readonly text: Uint8Array }[];
  dropped: number;
}

/** A policy's instance and the few ways its memory is touched. Views are made anew each time: memory grows. */
export interface Guest {
  readonly exports: GuestExports;
  readonly log: GuestLog;
  /** What is left to burn. Nothing that a policy exports can be called for nothing, and none of it can write here. */
  readonly fuel: WebAssembly.Global;
  /** Calls `_initialize`, if there is one: what a start section would have done. */
  start(): void;
  /** A pointer the policy answered, checked to lie wholly within its memory. */
  range(pointer: number, align: number, bytes: number): number;
  /** Room the policy gave for something that goes in. */
  allocate(align: number, bytes: number): number;
  view(): DataView<ArrayBuffer>;
  bytes(at: number, length: number): Uint8Array<ArrayBuffer>;
  /** The (pointer, length) at `at`, as a view over the items it names; checked, not copied. */
  list(at: number, align: number, itemBytes: number): Uint8Array<ArrayBuffer>;
  /** The string at `at`, the part beyond `faultTextBytesMax` units cut off. */
  text(at: number): string;
  /** Calls the export's `cabi_post_…`, if there is one. */
  release(name: 'configure' | 'decide' | 'save' | 'restore', answer: number): void;
}

export function instantiateGuest(module: WebAssembly.Module): Guest {
  const log: GuestLog = { lines: [], dropped: 0 };
  const utf8 = new TextEncoder();
  const utf16 = new TextDecoder('utf-16le');

  function writeLog(level: number, pointer: number, units: number): void {
    fuel.value -= LOG_FUEL;
    const at = range(pointer, 2, (units >>> 0) * 2);
    if (log.lines.length >= logLinesMax) {
      log.dropped++;
      return;
    }
    const message = utf16.decode(bytes(at, Math.min((units >>> 0) * 2, logLineBytesMax * 2)));
    const line = new Uint8Array(logLineBytesMax);
    log.lines.push({ level: level & 255, text: line.subarray(0, utf8.encodeInto(message, line).written) });
  }

  const instance = new WebAssembly.Instance(module, { $root: { log: writeLog } });
  const exports = instance.exports as unknown as GuestExports;
  const { memory } = exports;
  const fuel = instance.exports[FUEL_EXPORT] as WebAssembly.Global;

  function range(pointer: number, align: number, length: number): number {
    const at = pointer >>> 0;
    if (at % align !== 0) throw new Unreadable(`a pointer (${at}) is not a multiple of ${align}`);
    if (at + length > memory.buffer.byteLength)
      throw new Unreadable(
        `${length} bytes at ${at} lie outside its ${memory.buffer.byteLength} bytes of memory`,
      );
    return at;
  }

  function bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(memory.buffer, at, length);
  }

  function view(): DataView<ArrayBuffer> {
    return new DataView(memory.buffer);
  }

  function list(at: number, align: number, itemBytes: number): Uint8Array<ArrayBuffer> {
    const words = view();
    const length = words.getUint32(at + 4, true) * itemBytes;
    return bytes(range(words.getUint32(at, true), align, length), length);
  }

  return {
    exports,
    log,
    fuel,
    view,
    bytes,
    list,
    start: () => (instance.exports['_initialize'] as (() => void) | undefined)?.(),
    range,
    allocate: (align, length) => range(exports.cabi_realloc(0, 0, align, length), align, length),
    text: (at) => utf16.decode(list(at, 2, 2).subarray(0, faultTextBytesMax * 2)),
    release: (name, answer) =>
      (instance.exports[`cabi_post_${name}`] as ((answer: number) => void) | undefined)?.(answer),
  };
}
