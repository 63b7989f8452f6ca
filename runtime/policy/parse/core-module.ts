import { success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { createBinaryReader } from './binary-reader.ts';
import type { BinaryReader } from './binary-reader.ts';
import type { LoadFault } from '../policy.ts';

/** Section ids of the WebAssembly 2.0 binary format, section 5.5.2. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  export: 7,
  start: 8,
  code: 10,
} as const;

/** The sections a policy may have, custom ones aside, in the order in which they must come. */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11];
const FORBIDDEN_SECTIONS: Readonly<Record<number, string>> = {
  [SECTION.start]:
    'a start section, which would run before anything can bound it (asc: --exportStart _initialize)',
  13: 'exception tags',
};

export const EXTERNAL = { function: 0, memory: 2 } as const;
const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNCTION_TYPE = 0x60;
const VALUE_TYPES: Readonly<Record<number, string>> = {
  0x7f: 'i32',
  0x7e: 'i64',
  0x7d: 'f32',
  0x7c: 'f64',
  0x7b: 'v128',
  0x70: 'funcref',
  0x6f: 'externref',
};

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly signature: string;
}

export interface CoreExport {
  readonly kind: number;
  readonly index: number;
}

interface Bounds {
  readonly minimum: number;
  readonly maximum: number | undefined;
}

/** What can be known of a core module without decoding its code. Signatures read like `i32 i32 -> i32`. */
export interface CoreModule {
  readonly imports: readonly CoreImport[];
  readonly exports: ReadonlyMap<string, CoreExport>;
  /** Signatures in the order of the function index space: imported ones first. */
  readonly functions: readonly string[];
  readonly tables: readonly Bounds[];
  /** In pages of 64 KiB. */
  readonly memories: readonly Bounds[];
  /** Code of each function that is not imported: its locals and instructions. */
  readonly bodies: readonly Uint8Array[];
  readonly customs: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/** Reads the sections that describe a module's outside, refusing what no policy needs. */
export function readCoreModule(bytes: Uint8Array): Result<CoreModule, LoadFault> {
  const reader = createBinaryReader(bytes);
  const types: string[] = [];
  const imports: CoreImport[] = [];
  const exports = new Map<string, CoreExport>();
  const functions: string[] = [];
  const tables: Bounds[] = [];
  const memories: Bounds[] = [];
  const bodies: Uint8Array[] = [];
  const customs: { name: string; bytes: Uint8Array }[] = [];

  const signature = (section: BinaryReader): string => {
    const type = types[section.u32()];
    if (type === undefined) section.fail('the core module names a type it does not have');
    return type ?? '';
  };
  const readImport = (section: BinaryReader): void => {
    const [module, name] = [section.name(), section.name()];
    if (section.byte() !== EXTERNAL.function)
      return section.fail(
        `the core module imports ${module} ${name}, which is no function`,
        'import-forbidden',
      );
    const type = signature(section);
    imports.push({ module, name, signature: type });
    functions.push(type);
  };
  const readExport = (section: BinaryReader): void => {
    const name = section.name();
    if (exports.has(name)) section.fail(`the core module exports ${JSON.stringify(name)} twice`);
    exports.set(name, { kind: section.byte(), index: section.u32() });
  };
  const items: Readonly<Record<number, (section: BinaryReader) => unknown>> = {
    [SECTION.type]: (section) => types.push(readFunctionType(section)),
    [SECTION.import]: readImport,
    [SECTION.function]: (section) => functions.push(signature(section)),
    [SECTION.table]: (section) => tables.push(readTable(section)),
    [SECTION.memory]: (section) => memories.push(readMemory(section)),
    [SECTION.export]: readExport,
    [SECTION.code]: (section) => bodies.push(section.take(section.u32())),
  };

  if (!HEADER.every((value, i) => bytes[i] === value)) reader.fail('the core module has no Wasm header');
  reader.take(HEADER.length);
  let last = -1;
  while (!reader.atEnd) {
    const id = reader.byte();
    const section = reader.section(reader.u32());
    if (id === SECTION.custom) {
      customs.push({ name: section.name(), bytes: section.rest() });
      continue;
    }
    last = checkOrder(section, id, last);
    const readItem = items[id];
    if (readItem === undefined) continue;
    for (let left = section.count(); left > 0; left--) readItem(section);
    if (!section.atEnd) section.fail(`section ${id} of the core module is longer than its items`);
  }
  if (functions.length !== imports.length + bodies.length)
    reader.fail('the core module has not as many bodies as functions');
  return reader.fault ?? success({ imports, exports, functions, tables, memories, bodies, customs });
}

/** The place of section `id` in `ORDER`, which must lie behind `last`. */
function checkOrder(section: BinaryReader, id: number, last: number): number {
  const place = ORDER.indexOf(id);
  if (place < 0)
    section.fail(
      `the core module has ${FORBIDDEN_SECTIONS[id] ?? `an unknown section (${id})`}`,
      'module-forbidden',
    );
  else if (place <= last) section.fail(`section ${id} of the core module is out of order`);
  return place;
}

function readFunctionType(reader: BinaryReader): string {
  if (reader.byte() !== FUNCTION_TYPE)
    reader.fail('the core module has a type that is no plain function type', 'module-forbidden');
  const params = readValueTypes(reader);
  return `${params} -> ${readValueTypes(reader)}`.trim();
}

function readValueTypes(reader: BinaryReader): string {
  const names: string[] = [];
  for (let left = reader.count(); left > 0; left--) {
    const name = VALUE_TYPES[reader.byte()];
    if (name === undefined) reader.fail('the core module uses an unknown value type', 'module-forbidden');
    names.push(name ?? '');
  }
  return names.join(' ');
}

function readTable(reader: BinaryReader): Bounds {
  const element = VALUE_TYPES[reader.byte()];
  if (element !== 'funcref' && element !== 'externref')
    reader.fail('the core module has a table of another kind than funcref', 'module-forbidden');
  return readBounds(reader, 'table');
}

function readMemory(reader: BinaryReader): Bounds {
  return readBounds(reader, 'memory');
}

/** Bit 0: has a maximum. Every other bit (shared, 64-bit, page size) is a proposal no policy needs. */
function readBounds(reader: BinaryReader, what: string): Bounds {
  const flags = reader.byte();
  if (flags > 1)
    reader.fail(`the core module's ${what} is shared, 64-bit or of odd page size`, 'module-forbidden');
  return { minimum: reader.u32(), maximum: flags === 1 ? reader.u32() : undefined };
}
