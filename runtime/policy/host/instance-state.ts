import { METER_PREFIX } from '../parse/core-format.ts';
import { REQUEST_AT, UNDUMP_PAGES_AT, WASM_PAGE_BYTES } from '../wire.ts';
import { readShared } from './channel.ts';
import type { ReplyBody } from './channel.ts';
import type { Guest } from './guest.ts';

/** What metering exports for each 64-bit word of mutable globals. */
type Get = () => bigint;
type Set = (word: bigint) => void;

export interface Dumped {
  readonly body: ReplyBody;
  readonly memoryPages: number;
}

/** Memory and globals: between two requests, that is all the state of an instance. */
export function dumpInstance(guest: Guest, request: DataView): Dumped {
  const memoryPages = guest.exports.memory.buffer.byteLength / WASM_PAGE_BYTES;
  const first = Math.min(request.getUint32(REQUEST_AT.firstPage, true), memoryPages);
  const pages = Math.min(request.getUint32(REQUEST_AT.pages, true), memoryPages - first);
  const words = BigUint64Array.from(accessors<Get>(guest, 'get'), (get) => BigInt.asUintN(64, get()));
  const state = guest.bytes(first * WASM_PAGE_BYTES, pages * WASM_PAGE_BYTES);
  return { body: { state, globals: new Uint8Array(words.buffer) }, memoryPages };
}

/** Why the state does not fit this policy; undefined when it was taken. */
export function undumpInstance(guest: Guest, request: DataView): string | undefined {
  const u32 = (at: number): number => request.getUint32(at, true);
  const { memory } = guest.exports;
  const missing = u32(REQUEST_AT.memoryPages) - memory.buffer.byteLength / WASM_PAGE_BYTES;
  if (missing < 0) return 'its memory is smaller than the policy begins with';
  if (missing > 0) memory.grow(missing);
  return writeGlobals(guest, u32(REQUEST_AT.globals)) ?? writePages(guest, u32(REQUEST_AT.pages));
}

function writeGlobals(guest: Guest, count: number): string | undefined {
  const setters = accessors<Set>(guest, 'set');
  if (count === 0) return undefined;
  if (count !== setters.length) return `it has ${count} words of globals, the policy ${setters.length}`;
  const words = new BigUint64Array(count);
  readShared(new Uint8Array(words.buffer), 0);
  setters.forEach((set, i) => set(words[i]!));
  return undefined;
}

function writePages(guest: Guest, count: number): string | undefined {
  const numbers = new Uint32Array(count);
  readShared(new Uint8Array(numbers.buffer), 0);
  const memoryPages = guest.exports.memory.buffer.byteLength / WASM_PAGE_BYTES;
  for (const [i, page] of numbers.entries()) {
    if (page >= memoryPages) return `it has a page ${page}, the policy ${memoryPages} pages`;
    const bytes = guest.bytes(page * WASM_PAGE_BYTES, WASM_PAGE_BYTES);
    readShared(bytes, UNDUMP_PAGES_AT + i * WASM_PAGE_BYTES);
  }
  return undefined;
}

/** In order, for as many words as there are. */
function accessors<F>({ exports }: Guest, what: 'get' | 'set'): F[] {
  const all = exports as unknown as Readonly<Record<string, F | undefined>>;
  const found: F[] = [];
  for (let word = 0; ; word++) {
    const accessor = all[`${METER_PREFIX}${what}${word}`];
    if (accessor === undefined) return found;
    found.push(accessor);
  }
}
