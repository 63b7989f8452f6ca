/** Just enough of an assembler for the companion modules through which tests see every bit of a value. */
export const TYPE_CODE = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const;
export type ValueType = keyof typeof TYPE_CODE;

/** Opcodes of plain load and store of each type that memory can hold. */
const LOAD = { i32: [0x28], i64: [0x29], f32: [0x2a], f64: [0x2b], v128: [0xfd, 0x00] } as const;
const STORE = { i32: [0x36], i64: [0x37], f32: [0x38], f64: [0x39], v128: [0xfd, 0x0b] } as const;
export type NumberType = keyof typeof LOAD;
export const NUMBER_TYPES = Object.keys(LOAD) as readonly NumberType[];

export const END = 0x0b;
export const isNumber = (type: ValueType): type is NumberType => type in LOAD;
export const call = (index: number): number[] => [0x10, ...unsigned(index)];
export const localGet = (index: number): number[] => [0x20, ...unsigned(index)];
export const localSet = (index: number): number[] => [0x21, ...unsigned(index)];
export const globalGet = (index: number): number[] => [0x23, ...unsigned(index)];
export const globalSet = (index: number): number[] => [0x24, ...unsigned(index)];
export const constant = (value: number): number[] => [0x41, ...signed(value)];
/** From or to the address below on the stack, unaligned. */
export const load = (type: NumberType): number[] => [...LOAD[type], 0, 0];
export const store = (type: NumberType): number[] => [...STORE[type], 0, 0];

export const typesOf = (types: readonly ValueType[]): number[] => vector(types.map((t) => [TYPE_CODE[t]]));
export const functionType = (params: readonly ValueType[], results: readonly ValueType[]): number[] => [
  0x60,
  ...typesOf(params),
  ...typesOf(results),
];
export const text = (value: string): number[] => {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
};
/** One function's code: its locals, each declared alone, and its instructions without the last `end`. */
export const body = (locals: readonly ValueType[], instructions: readonly number[]): number[] => {
  const declared = vector(locals.map((type) => [1, TYPE_CODE[type]]));
  return [...unsigned(declared.length + instructions.length + 1), ...declared, ...instructions, END];
};

/** A module of the given sections, each a vector of items, in the order of their ids but for `sections`' own. */
export function moduleOf(
  sections: readonly (readonly [id: number, items: readonly number[][]])[],
): Uint8Array {
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  for (const [id, items] of sections) {
    const payload = vector(items);
    bytes.push(id, ...unsigned(payload.length));
    for (const byte of payload) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

export function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(Math.floor(value / 128))];
}

function signed(value: number): number[] {
  const last = value >= -64 && value < 64;
  return last ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}
