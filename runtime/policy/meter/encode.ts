/** Pieces of a Wasm binary (WebAssembly 2.0, chapter 5), put together before they are copied once. */
export type Bytes = Uint8Array | readonly number[];

/** LEB128 of at most 32 bits. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** LEB128 of at most 64 bits. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128);
  return [...bytes, Number(rest & 127n)];
}

export function join(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A body, a name, a section's payload: its length first. */
export function sized(bytes: Bytes): Uint8Array {
  return join([unsigned(bytes.length), bytes]);
}

/** A section's payload: how many items, then the items. */
export function vector(items: readonly Bytes[]): Uint8Array {
  return join([unsigned(items.length), ...items]);
}

export function name(text: string): Uint8Array {
  return sized(new TextEncoder().encode(text));
}

/** Opcodes that the meter writes. */
export const EMIT = {
  unreachable: 0x00,
  block: 0x02,
  if: 0x04,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  i32Const: 0x41,
  i64Const: 0x42,
  i64LtS: 0x53,
  i64LeU: 0x58,
  i32Sub: 0x6b,
  i64Sub: 0x7d,
  i64Shl: 0x86,
  i32WrapI64: 0xa7,
  i64ExtendI32U: 0xad,
  i32ReinterpretF32: 0xbc,
  i64ReinterpretF64: 0xbd,
  f32ReinterpretI32: 0xbe,
  f64ReinterpretI64: 0xbf,
  i64x2ExtractLane: [0xfd, 0x1d],
  i64x2ReplaceLane: [0xfd, 0x1e],
} as const;

export const VALUE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b, none: 0x40 } as const;
