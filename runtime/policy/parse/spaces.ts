import type { BinaryReader } from './binary-reader.ts';

export interface FunctionType {
  /** Value types, a byte each. */
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** As `i32 i32 -> i32`. */
  readonly signature: string;
}

export interface Bounds {
  readonly minimum: number;
  readonly maximum: number | undefined;
  /** As it stands in messages. */
  readonly place: string;
}

export interface GlobalType {
  /** The value type's byte. */
  readonly type: number;
  readonly mutable: boolean;
}

/** A core module's index spaces. A policy imports functions only, which come before its own. */
export interface Spaces {
  readonly types: readonly FunctionType[];
  /** The type of each function. */
  readonly functions: readonly FunctionType[];
  readonly tables: readonly Bounds[];
  /** In pages of 64 KiB. */
  readonly memories: readonly Bounds[];
  readonly globals: readonly GlobalType[];
  /** Data segments that code may name; undefined without a data count section. */
  readonly dataCount: number | undefined;
}

/** Says that an index names nothing, in a module's code or anywhere else in it. */
export function failIndex(
  reader: BinaryReader,
  what: string,
  named: number,
  count: number,
  at?: number,
): void {
  const last = count === 0 ? 'there is none' : `the last is ${count - 1}`;
  reader.fail(`the core module names ${what} ${named}; ${last}`, 'module-invalid', at);
}
