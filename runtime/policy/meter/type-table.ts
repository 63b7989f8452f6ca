import { VALUE, join, signed, sized } from './encode.ts';
import type { Bytes } from './encode.ts';
import type { FunctionType } from './spaces.ts';

/** A module's types, and those that metering needs besides. */
export interface TypeTable {
  /** The index of a type, which is appended unless it is there. */
  indexOf(params: Bytes, results: Bytes): number;
  /** The block type (binary format, section 5.4.1) that takes nothing and yields these results. */
  blockOf(results: Bytes): Bytes;
  /** Whether the original's type of that index has parameters. */
  hasParams(index: number): boolean;
  /** What was appended, encoded. */
  readonly added: readonly Bytes[];
}

const FUNCTION_TYPE = 0x60;

export function createTypeTable(types: readonly FunctionType[]): TypeTable {
  const keyOf = (params: Bytes, results: Bytes): string => `${params.join()}>${results.join()}`;
  const indexes = new Map(types.map(({ params, results }, index) => [keyOf(params, results), index]));
  const added: Bytes[] = [];

  function indexOf(params: Bytes, results: Bytes): number {
    const key = keyOf(params, results);
    const known = indexes.get(key);
    if (known !== undefined) return known;
    const index = types.length + added.length;
    indexes.set(key, index);
    added.push(join([[FUNCTION_TYPE], sized(params), sized(results)]));
    return index;
  }

  function blockOf(results: Bytes): Bytes {
    if (results.length === 0) return [VALUE.none];
    if (results.length === 1) return results;
    return signed(BigInt(indexOf([], results)));
  }

  const hasParams = (index: number): boolean => (types[index]?.params.length ?? 0) > 0;
  return { indexOf, blockOf, hasParams, added };
}
