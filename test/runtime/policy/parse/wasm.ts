/** Core modules put together byte by byte, so that each test says what it breaks. */
export type Bytes = readonly number[];

/** Section ids. */
export const S = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

export const I32 = 0x7f;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;
export const END = 0x0b;
/** The type of a function that takes and answers nothing. */
export const PLAIN: Bytes = [0x60, 0, 0];

export function u32(value: number): Bytes {
  return value < 128 ? [value] : [(value % 128) + 128, ...u32(Math.floor(value / 128))];
}

export function name(text: string): Bytes {
  const bytes = new TextEncoder().encode(text);
  return [...u32(bytes.length), ...bytes];
}

export function vector(...items: readonly Bytes[]): Bytes {
  return [...u32(items.length), ...items.flat()];
}

export function section(id: number, payload: Bytes): Bytes {
  return [id, ...u32(payload.length), ...payload];
}

export function repeat(count: number, item: Bytes): Bytes {
  return [...u32(count), ...Array.from({ length: count }, () => item).flat()];
}

export function body(code: Bytes, locals: Bytes = [0]): Bytes {
  return [...u32(locals.length + code.length), ...locals, ...code];
}

export function moduleOf(...sections: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
}

/** A module with one of everything that code may name: its second function, which takes an i32, has this body. */
export function moduleAround(code: Bytes, locals: Bytes = [0]): Uint8Array<ArrayBuffer> {
  return moduleOf(
    section(S.type, vector(PLAIN, [0x60, 1, I32, 1, I32], [0x60, 1, I32, 0])),
    section(S.import, vector([...name('$root'), ...name('log'), 0, 0])),
    section(S.function, vector([2])),
    section(S.table, vector([FUNCREF, 0, 2])),
    section(S.memory, vector([0, 1])),
    section(S.global, vector([I32, 1, 0x41, 0, END], [I32, 0, 0x41, 7, END])),
    section(S.export, vector([...name('f'), 0, 1], [...name('memory'), 2, 0])),
    section(S.element, vector([0, 0x41, 0, END, 1, 1], [1, 0, 1, 0])),
    section(S.dataCount, [1]),
    section(S.code, vector(body(code, locals))),
    section(S.data, vector([1, 2, 97, 98])),
    section(S.custom, [...name('note'), 1, 2, 3]),
  );
}

export function isValid(module: Uint8Array<ArrayBuffer>): boolean {
  return WebAssembly.validate(module);
}
