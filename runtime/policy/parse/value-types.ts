import type { BinaryReader } from './binary-reader.ts';

/**
 * Value types, each one byte (WebAssembly 2.0, section 5.3). Typed references take more, so a reader that let
 * one through would lose step with the engine.
 */
export const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [0x70, 'funcref'],
  [0x6f, 'externref'],
]);

/** A block type without values, as the signed number that its byte (0x40) is. */
const EMPTY = -64;

export function readValueType(reader: BinaryReader): number {
  const type = reader.byte();
  if (!VALUE_TYPES.has(type)) forbid(reader, type);
  return type;
}

export function readReferenceType(reader: BinaryReader): number {
  const type = reader.byte();
  if (!isReference(type)) forbid(reader, type);
  return type;
}

export function isReference(type: number): boolean {
  return type === 0x70 || type === 0x6f;
}

/** Negative: empty or one value type; otherwise the index of a function type. */
export function readBlockType(reader: BinaryReader): number {
  const start = reader.offset;
  const type = reader.s33();
  if (type >= 0) return type;
  if (reader.offset !== start + 1 || (type !== EMPTY && !VALUE_TYPES.has(type + 128)))
    forbid(reader, type & 127);
  return type;
}

function forbid(reader: BinaryReader, type: number): void {
  const hex = `0x${type.toString(16)}`;
  reader.fail(
    `value type ${hex} is none of WebAssembly 2.0, which is all policies may use`,
    'module-forbidden',
  );
}
