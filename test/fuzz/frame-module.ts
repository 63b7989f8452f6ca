import { CORE_HEADER, concatenate, custom, leb128, name, section } from '../runtime/policy/hostile/bytes.ts';
import type { Bytes } from '../runtime/policy/hostile/bytes.ts';

const [I32, I64, F32, F64, V128, FUNCREF] = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70];
const [END, UNREACHABLE] = [0x0b, 0x00];

/** Types that code may name, as those of functions and of blocks. */
const TYPES: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[I32, I64], [I32]],
  [[], [I32]],
  [[I32], [I32]],
  [
    [I32, I32],
    [I32, I32],
  ],
  [[I64, F64], [F32]],
  [[V128], []],
];
const MAIN_TYPE = 1;
/** A mutable global of each type, with nothing in it. */
const GLOBALS: readonly Bytes[] = [
  [I32, 1, 0x41, 0, END],
  [I64, 1, 0x42, 0, END],
  [F32, 1, 0x43, 0, 0, 0, 0, END],
  [F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, END],
  [V128, 1, 0xfd, 12, ...new Uint8Array(16), END],
];
/** Locals of both functions, behind their parameters: two i32, two i64, an f32, an f64, a vector. */
export const LOCALS: readonly number[] = [5, 2, I32, 2, I64, 1, F32, 1, F64, 1, V128];
export const MEMORY_PAGES_MAX = 2;

const items = (all: readonly Bytes[]): Uint8Array => concatenate(leb128(all.length), ...all);
const values = (all: readonly number[]): Uint8Array => concatenate(leb128(all.length), all);

/**
 * A core module around the code of two functions, which may call each other, by name and through the table, and
 * find one of everything else: memory, globals, data and element segments. A fuzzer that changes code in a whole
 * module breaks the lengths around it, and hardly anything it makes is valid; here all lengths fit. `unreachable`
 * ends each, so that whatever is left on the stack will do.
 */
export function frameModule(codes: readonly [Uint8Array, Uint8Array]): Uint8Array<ArrayBuffer> {
  const bodies = codes.map((code) => concatenate(LOCALS, code, [UNREACHABLE, END]));
  const exports = [
    ['main', 0, 0],
    ['memory', 2, 0],
    ...GLOBALS.map((_, at) => [`g${at}`, 3, at] as const),
  ] as const;
  const offset = [0x41, 0, END];
  return new Uint8Array(
    concatenate(
      CORE_HEADER,
      section(
        1,
        items(TYPES.map(([params, results]) => concatenate([0x60], values(params), values(results)))),
      ),
      section(3, items([[MAIN_TYPE], [3]])),
      section(4, items([[FUNCREF, 1, 2, 2]])),
      section(5, items([[1, 1, MEMORY_PAGES_MAX]])),
      section(6, items(GLOBALS)),
      section(7, items(exports.map(([title, kind, index]) => concatenate(name(title), [kind, index])))),
      section(9, items([[0, ...offset, 2, 0, 1]])),
      section(12, [1]),
      section(10, items(bodies.map((body) => concatenate(leb128(body.length), body)))),
      section(11, items([concatenate([1], values([1, 2, 3, 4]))])),
      custom('name', []),
    ),
  );
}
