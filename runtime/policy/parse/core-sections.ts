import {
  dataBytesMax,
  dataSegmentsMax,
  elementSegmentsMax,
  exportsMax,
  functionBytesMax,
  functionsMax,
  functionTypesMax,
  globalsMax,
  importsMax,
  tableElementsMax,
} from '../../limits.ts';
import type { BinaryReader } from './binary-reader.ts';
import { createCodeWalk } from './code.ts';
import { EXTERNAL, METER_PREFIX } from './core-format.ts';
import { allowed, readBounds, readFunctionType, readTable } from './core-types.ts';
import { quote } from '../quote.ts';
import { failIndex } from './spaces.ts';
import type { Bounds, FunctionType, GlobalType, Spaces } from './spaces.ts';
import { isReference, readReferenceType, readValueType } from './value-types.ts';
import { isWasi, whyNoWasi } from './wasi.ts';

const TAG = 4;
const KIND_FUNCTION = 0;

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly signature: string;
  /** As it stands in messages. */
  readonly place: string;
}

export interface CoreExport {
  readonly kind: number;
  readonly index: number;
  readonly place: string;
}

/** What a module takes and gives by name. */
export interface Outside {
  readonly imports: readonly CoreImport[];
  readonly exports: ReadonlyMap<string, CoreExport>;
}

interface Section {
  readonly label: string;
  /** Of its items, for messages. */
  readonly items: string;
  readonly itemsMax: number;
  readonly readItem: (section: BinaryReader) => unknown;
}

/** Reads a core module's sections (WebAssembly 2.0, section 5.5) into its index spaces as they go by. */
export function createSections() {
  const types: FunctionType[] = [];
  const functions: FunctionType[] = [];
  const tables: Bounds[] = [];
  const memories: Bounds[] = [];
  const globals: GlobalType[] = [];
  const spaces: Spaces & { dataCount: number | undefined } = {
    ...{ types, functions, tables, memories, globals },
    dataCount: undefined,
  };
  const imports: CoreImport[] = [];
  const exports = new Map<string, CoreExport>();
  const code = createCodeWalk(spaces);
  let bodies = 0;
  let elements = 0;
  let segments = 0;
  let dataBytes = 0;

  const SECTIONS: Readonly<Record<number, Section>> = {
    1: section('type', 'function types', functionTypesMax, (reader) => types.push(readFunctionType(reader))),
    2: section('import', 'imports', importsMax, readImport),
    3: section('function', 'functions', functionsMax, (reader) => functions.push(typeOf(reader))),
    4: section('table', 'tables', 1, (reader) => tables.push(readTable(reader))),
    5: section('memory', 'memories', 1, (reader) => memories.push(readBounds(reader, 'memory'))),
    6: section('global', 'globals', globalsMax, readGlobal),
    7: section('export', 'exports', exportsMax, readExport),
    9: section('element', 'element segments', elementSegmentsMax, readElements),
    10: section('code', 'functions', functionsMax, readBody),
    11: section('data', 'data segments', dataSegmentsMax, readData),
  };

  function read(id: number, reader: BinaryReader): void {
    if (id === 12) return readDataCount(reader.section(reader.u32(), 'data count section'));
    const known = SECTIONS[id];
    if (known === undefined) return;
    const { label, items, itemsMax, readItem } = known;
    const payload = reader.section(reader.u32(), label);
    const count = payload.count();
    if (count > itemsMax)
      payload.fail(`the core module has ${count} ${items}; ${allowed(itemsMax)}`, 'module-forbidden');
    for (let left = count; left > 0 && payload.fault === undefined; left--) readItem(payload);
    if (!payload.atEnd) payload.fail(`the ${label} is longer than its items`, undefined, payload.offset);
  }

  function index(reader: BinaryReader, what: string, space: readonly unknown[]): number {
    const named = reader.u32();
    if (named >= space.length) failIndex(reader, what, named, space.length);
    return named;
  }

  function typeOf(reader: BinaryReader): FunctionType {
    return types[index(reader, 'type', types)] ?? NO_TYPE;
  }

  function readImport(reader: BinaryReader): void {
    const at = reader.offset;
    const [module, name] = [reader.name(), reader.name()];
    if (isWasi(module)) return reader.fail(whyNoWasi(`${module} ${name}`), 'import-forbidden', at);
    if (reader.byte() !== EXTERNAL.function)
      return reader.fail(
        `the core module imports ${quote(`${module} ${name}`)}, which is no function`,
        'import-forbidden',
        at,
      );
    const type = typeOf(reader);
    imports.push({ module, name, signature: type.signature, place: reader.place(at) });
    functions.push(type);
  }

  function readGlobal(reader: BinaryReader): void {
    const type = readValueType(reader);
    const mutability = reader.byte();
    if (mutability > 1) reader.fail('a global is neither constant nor mutable');
    const mutable = mutability === 1;
    if (mutable && isReference(type))
      reader.fail(
        'a mutable global holds a reference, which no checkpoint could: keep an index into the table',
        'module-forbidden',
      );
    code.checkConstant(reader);
    globals.push({ type, mutable });
  }

  function readExport(reader: BinaryReader): void {
    const start = reader.offset;
    const name = reader.name();
    if (exports.has(name)) reader.fail(`the core module exports ${quote(name)} twice`);
    if (name.startsWith(METER_PREFIX))
      reader.fail(
        `the core module exports ${quote(name)}, but names that begin with ${METER_PREFIX} are the meter's: rename it`,
        'module-forbidden',
      );
    const kind = reader.byte();
    if (kind > EXTERNAL.global)
      reader.fail(
        `the core module exports ${quote(name)}, which is ${kind === TAG ? 'an exception tag' : 'of an unknown kind'}`,
        kind === TAG ? 'module-forbidden' : undefined,
      );
    const place = reader.place(start);
    const space = [functions, tables, memories, globals][kind] ?? [];
    const what = ['function', 'table', 'memory', 'global'][kind] ?? '';
    exports.set(name, { kind, index: index(reader, what, space), place });
  }

  /** Bit 0: not active. Bit 1: names its table, or is only declared. Bit 2: expressions, not indices. */
  function readElements(reader: BinaryReader): void {
    const flags = reader.u32();
    if (flags > 7) reader.fail(`an element segment is of an unknown kind (${flags})`);
    const [isPassive, isExplicit, hasExpressions] = [1, 2, 4].map((bit) => (flags & bit) !== 0);
    if (!isPassive) {
      if (isExplicit) index(reader, 'table', tables);
      else if (tables.length === 0) failIndex(reader, 'table', 0, 0);
      code.checkConstant(reader);
    }
    if (isPassive || isExplicit) readElementKind(reader, hasExpressions === true);
    const count = reader.count();
    elements += count;
    if (elements > tableElementsMax)
      reader.fail(
        `the core module has ${elements} elements; ${allowed(tableElementsMax)}`,
        'module-forbidden',
      );
    for (let left = count; left > 0 && !reader.atEnd; left--)
      if (hasExpressions) code.checkConstant(reader);
      else index(reader, 'function', functions);
  }

  function readBody(reader: BinaryReader): void {
    const at = imports.length + bodies++;
    const bytes = reader.u32();
    if (bytes > functionBytesMax)
      reader.fail(
        `function ${at} takes ${bytes} bytes; ${functionBytesMax} are allowed: split it`,
        'module-forbidden',
      );
    const params = functions[at]?.params.length ?? 0;
    code.checkBody(reader.section(bytes, `function ${at}`), params);
  }

  function readData(reader: BinaryReader): void {
    segments++;
    const flags = reader.u32();
    if (flags > 2) reader.fail(`a data segment is of an unknown kind (${flags})`);
    if (flags === 2) index(reader, 'memory', memories);
    else if (flags === 0 && memories.length === 0) failIndex(reader, 'memory', 0, 0);
    if (flags !== 1) code.checkConstant(reader);
    const bytes = reader.u32();
    dataBytes += bytes;
    if (dataBytes > dataBytesMax)
      reader.fail(
        `the core module has ${dataBytes} bytes of data; ${allowed(dataBytesMax)}`,
        'module-forbidden',
      );
    reader.take(bytes);
  }

  function readDataCount(reader: BinaryReader): void {
    spaces.dataCount = reader.u32();
    if (!reader.atEnd)
      reader.fail('the data count section holds more than a number', undefined, reader.offset);
  }

  function finish(reader: BinaryReader): void {
    if (functions.length !== imports.length + bodies)
      reader.fail('the core module has not as many bodies as functions', undefined, reader.offset);
    if (spaces.dataCount !== undefined && spaces.dataCount !== segments)
      reader.fail('the core module has not as many data segments as it counts', undefined, reader.offset);
  }

  return { spaces, outside: { imports, exports }, read, finish };
}

const NO_TYPE: FunctionType = { params: [], results: [], signature: '' };

function section(
  name: string,
  items: string,
  itemsMax: number,
  readItem: (section: BinaryReader) => unknown,
): Section {
  return { label: `${name} section`, items, itemsMax, readItem };
}

function readElementKind(reader: BinaryReader, isReferenceType: boolean): void {
  if (isReferenceType) readReferenceType(reader);
  else if (reader.byte() !== KIND_FUNCTION) reader.fail('an element segment is of an unknown kind');
}
