import { tableElementsMax, typeValuesMax } from '../../limits.ts';
import type { BinaryReader } from './binary-reader.ts';
import type { Bounds, FunctionType } from './spaces.ts';
import { readReferenceType, readValueType, VALUE_TYPES } from './value-types.ts';

const FUNCTION_TYPE = 0x60;

export function readFunctionType(reader: BinaryReader): FunctionType {
  if (reader.byte() !== FUNCTION_TYPE)
    reader.fail('the core module has a type that is no plain function type', 'module-forbidden');
  const [params, results] = [readValueTypes(reader), readValueTypes(reader)];
  const text = (types: readonly number[]): string =>
    types.map((type) => VALUE_TYPES.get(type) ?? '').join(' ');
  return { params, results, signature: `${text(params)} -> ${text(results)}`.trim() };
}

function readValueTypes(reader: BinaryReader): number[] {
  const types: number[] = [];
  const count = reader.count();
  if (count > typeValuesMax)
    reader.fail(`a function type has ${count} values; ${allowed(typeValuesMax)}`, 'module-forbidden');
  for (let left = count; left > 0 && !reader.atEnd; left--) types.push(readValueType(reader));
  return types;
}

export function readTable(reader: BinaryReader): Bounds {
  readReferenceType(reader);
  const bounds = readBounds(reader, 'table');
  if (bounds.minimum > tableElementsMax)
    reader.fail(
      `the core module's table has ${bounds.minimum} elements; ${allowed(tableElementsMax)}`,
      'module-forbidden',
    );
  return bounds;
}

/** Bit 0: has a maximum. Every other bit (shared, 64-bit, page size) is a proposal no policy needs. */
export function readBounds(reader: BinaryReader, what: string): Bounds {
  const flags = reader.byte();
  if (flags > 1)
    reader.fail(`the core module's ${what} is shared, 64-bit or of odd page size`, 'module-forbidden');
  const place = reader.place();
  return { minimum: reader.u32(), maximum: flags === 1 ? reader.u32() : undefined, place };
}

/** The end of a message about a number too large. */
export function allowed(max: number): string {
  return max === 1 ? 'one is allowed' : `${max} are allowed`;
}
