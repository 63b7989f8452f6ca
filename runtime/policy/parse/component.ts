import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { componentItemsMax, componentSectionsMax } from '../../limits.ts';
import { createBinaryReader } from './binary-reader.ts';
import type { BinaryReader } from './binary-reader.ts';
import { readExternName, readType, readTypeBound } from './component-types.ts';
import type { ComponentType, ShapeTable } from './component-types.ts';
import { CORE_HEADER } from './core-format.ts';
import type { LoadFailure, LoadFault } from '../policy.ts';
import { quote } from '../quote.ts';
import { findWasiImport } from './wasi.ts';

const COMPONENT_HEADER = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
/** The policy itself, and the shim and the fixup that wit-component adds for imports; only the first ever runs. */
const CORE_MODULES_MAX = 3;

/** Sections of the component model's Binary.md, by id. */
const SECTION = { custom: 0, coreModule: 1 };
const SECTION_NAMES: Readonly<Record<number, string>> = {
  0: 'custom',
  1: 'core module',
  2: 'core instance',
  3: 'core type',
  4: 'nested component',
  5: 'instance',
  6: 'alias',
  7: 'type',
  8: 'canon',
  9: 'start',
  10: 'import',
  11: 'export',
  12: 'value',
};
const labelOf = (id: number): string => `component's ${SECTION_NAMES[id] ?? 'unknown'} section`;
/** `sort` and `core:sort`. */
const SORT = { core: 0, function: 1, type: 3, instance: 5 };
const CORE_SORT = { function: 0, table: 1, memory: 2, global: 3 };

/** An export of an instantiated core module. */
interface CoreExportRef {
  readonly instance: number;
  readonly name: string;
}

/** The options of one `canon lift` or `canon lower`, names resolved. */
export interface CanonOptions {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  readonly memory: CoreExportRef | undefined;
  readonly realloc: CoreExportRef | undefined;
  readonly postReturn: CoreExportRef | undefined;
}

/** A function the component exports: which core function answers it, and how values cross. */
export interface Lift {
  readonly shape: number;
  readonly core: CoreExportRef;
  readonly options: CanonOptions;
  /** As it stands in messages, like every place here. */
  readonly place: string;
}

/** A function it imports, and its type. */
export interface ComponentImport {
  readonly shape: number;
  readonly place: string;
}

/** How an import is handed to core code. */
export interface Lower {
  readonly name: string;
  readonly options: CanonOptions;
  readonly place: string;
}

export interface Component {
  readonly imports: ReadonlyMap<string, ComponentImport>;
  readonly lifts: ReadonlyMap<string, Lift>;
  readonly lowers: readonly Lower[];
  /** The core instance behind `lifts`, its module's bytes, and where in the component these begin. */
  readonly main: number;
  readonly core: Uint8Array;
  readonly coreAt: number;
  /** Where it ends: what it should have and has not is missing here. */
  readonly place: string;
}

type ComponentFunction =
  | { readonly kind: 'import'; readonly name: string; readonly shape: number }
  | ({ readonly kind: 'lift' } & Lift);

/** Reads a component of the one form wit-component gives a policy; every other form is refused, not interpreted. */
export function readComponent(bytes: Uint8Array, shapes: ShapeTable): Result<Component, LoadFault> {
  const reader = createBinaryReader(bytes, undefined, { whole: 'component' });
  if (!startsWith(bytes, COMPONENT_HEADER))
    reader.fail(
      'the file is no Wasm component: give the .wasm that `terrace build` wrote',
      'not-a-component',
    );
  reader.take(COMPONENT_HEADER.length);
  const wasi = reader.fault ?? findWasiImport(bytes);
  if (wasi !== undefined) return wasi;
  const walk = createWalk(shapes);
  for (let sections = 1; !reader.atEnd; sections++) {
    if (sections > componentSectionsMax)
      reader.fail(
        `the component has more than ${componentSectionsMax} sections: build it with wit-component`,
        undefined,
        reader.offset,
      );
    const id = reader.byte();
    walk.readSection(id, reader.section(reader.u32(), labelOf(id)));
  }
  return reader.fault ?? walk.finish(reader);
}

export function isCoreModule(bytes: Uint8Array): boolean {
  return startsWith(bytes, CORE_HEADER);
}

function startsWith(bytes: Uint8Array, header: readonly number[]): boolean {
  return header.every((value, i) => bytes[i] === value);
}

/** Keeps the component's index spaces while its sections go by, in whatever order they come. */
function createWalk(shapes: ShapeTable) {
  const modules: { readonly bytes: Uint8Array; readonly at: number }[] = [];
  /** Module index of each core instance; undefined for one put together from exports. */
  const coreInstances: (number | undefined)[] = [];
  const coreFunctions: (CoreExportRef | undefined)[] = [];
  const coreMemories: CoreExportRef[] = [];
  const types: ComponentType[] = [];
  const instances: ReadonlyMap<string, ComponentType>[] = [];
  const functions: ComponentFunction[] = [];
  const imports = new Map<string, ComponentImport>();
  const lifts = new Map<string, Lift>();
  const lowers: Lower[] = [];

  function readSection(id: number, section: BinaryReader): void {
    if (id === SECTION.custom) return;
    if (id === SECTION.coreModule) {
      const at = section.offset;
      return void modules.push({ bytes: section.rest(), at });
    }
    const readItem = items.get(id);
    if (readItem === undefined)
      return section.fail(`the component has a section that no policy needs (${id})`);
    const count = section.count();
    if (count > componentItemsMax)
      section.fail(`the ${labelOf(id)} has ${count} items; ${componentItemsMax} are allowed`);
    for (let left = count; left > 0 && !section.atEnd; left--) readItem(section);
    if (!section.atEnd)
      section.fail(`section ${id} of the component is longer than its items`, undefined, section.offset);
  }

  const items = new Map<number, (reader: BinaryReader) => void>([
    [2, readCoreInstance],
    [6, readAlias],
    [7, (reader) => types.push(readType(reader, shapes, types))],
    [8, readCanon],
    [10, readImport],
    [11, readExport],
  ]);

  function readCoreInstance(reader: BinaryReader): void {
    const instantiates = reader.byte() === 0;
    coreInstances.push(instantiates ? reader.u32() : undefined);
    for (let left = reader.count(); left > 0 && !reader.atEnd; left--) {
      reader.name();
      reader.byte();
      reader.u32();
    }
  }

  function readAlias(reader: BinaryReader): void {
    const sort = reader.byte();
    const coreSort = sort === SORT.core ? reader.byte() : -1;
    const target = reader.byte();
    const [instance, name] = [reader.u32(), reader.name()];
    if (sort === SORT.core && target === 1) return addCoreAlias(reader, coreSort, { instance, name });
    const type = sort === SORT.type && target === 0 ? instances[instance]?.get(name) : undefined;
    if (type === undefined) return reader.fail(`the component aliases ${quote(name)}, which no policy needs`);
    types.push(type);
  }

  function addCoreAlias(reader: BinaryReader, coreSort: number, ref: CoreExportRef): void {
    if (ref.instance >= coreInstances.length)
      reader.fail('the component aliases a core instance it does not have');
    if (coreSort === CORE_SORT.function) coreFunctions.push(ref);
    else if (coreSort === CORE_SORT.memory) coreMemories.push(ref);
    else if (coreSort !== CORE_SORT.table && coreSort !== CORE_SORT.global)
      reader.fail('the component aliases a core item that no policy needs');
  }

  function readCanon(reader: BinaryReader): void {
    const at = reader.offset;
    const [kind, zero] = [reader.byte(), reader.byte()];
    const place = reader.place(at);
    if (kind > 1 || zero !== 0)
      return reader.fail('the component uses a canonical built-in that no policy needs');
    const index = reader.u32();
    const options = readOptions(reader);
    if (kind === 0) addLift(reader, { core: coreFunctions[index], options, place });
    else addLower(reader, functions[index], { options, place });
  }

  function addLift(
    reader: BinaryReader,
    { core, ...how }: Pick<Lift, 'options' | 'place'> & { readonly core: CoreExportRef | undefined },
  ): void {
    const type = types[reader.u32()];
    if (core === undefined || type?.kind !== 'function')
      return reader.fail('the component lifts a function it does not have');
    functions.push({ kind: 'lift', shape: type.shape, core, ...how });
  }

  function addLower(
    reader: BinaryReader,
    lowered: ComponentFunction | undefined,
    how: Pick<Lower, 'options' | 'place'>,
  ): void {
    if (lowered?.kind !== 'import') return reader.fail('the component lowers a function it does not import');
    lowers.push({ name: lowered.name, ...how });
    coreFunctions.push(undefined);
  }

  function readOptions(reader: BinaryReader): CanonOptions {
    const encodings = ['utf8', 'utf16', 'latin1+utf16'] as const;
    let encoding: CanonOptions['encoding'] = 'utf8';
    let memory: CoreExportRef | undefined;
    let realloc: CoreExportRef | undefined;
    let postReturn: CoreExportRef | undefined;
    for (let left = reader.count(); left > 0 && !reader.atEnd; left--) {
      const option = reader.byte();
      if (option < encodings.length) encoding = encodings[option]!;
      else if (option === 3) memory = coreMemories[reader.u32()];
      else if (option === 4) realloc = coreFunctions[reader.u32()];
      else if (option === 5) postReturn = coreFunctions[reader.u32()];
      else reader.fail(`the component passes values in an unknown way (canonical option ${option})`);
    }
    return { encoding, memory, realloc, postReturn };
  }

  function readImport(reader: BinaryReader): void {
    const at = reader.offset;
    const name = readExternName(reader);
    const place = reader.place(at);
    const kind = reader.peek();
    if (kind === SORT.type) {
      const type = readTypeBound(reader, types);
      if (type === undefined)
        return reader.fail(`the component imports a resource, ${quote(name)}`, 'import-forbidden', at);
      return void types.push(type);
    }
    reader.byte();
    const type = types[reader.u32()];
    if (kind === SORT.instance && type?.kind === 'instance') return void instances.push(type.exports);
    if (kind !== SORT.function || type?.kind !== 'function')
      return reader.fail(
        `the component imports ${quote(name)}; a policy may import only \`log\``,
        'import-forbidden',
        at,
      );
    imports.set(name, { shape: type.shape, place });
    functions.push({ kind: 'import', name, shape: type.shape });
  }

  function readExport(reader: BinaryReader): void {
    const at = reader.offset;
    const [name, sort, index] = [readExternName(reader), reader.byte(), reader.u32()];
    if (reader.byte() === 1)
      reader.fail(`the export ${quote(name)} carries a type of its own, which no policy needs`);
    const type = types[index];
    if (sort === SORT.type && type !== undefined) return void types.push(type);
    const lifted = functions[index];
    if (sort !== SORT.function || lifted?.kind !== 'lift' || lifts.has(name))
      return reader.fail(
        `the component exports ${quote(name)}, which is no function of its own`,
        'world-mismatch',
        at,
      );
    lifts.set(name, lifted);
    functions.push(lifted);
  }

  function finish(reader: BinaryReader): Result<Component, LoadFault> {
    const place = reader.place(reader.offset);
    const refuse = (code: LoadFault, message: string): LoadFailure => failure(code, `${message} (${place})`);
    if (modules.length > CORE_MODULES_MAX)
      return refuse(
        'component-malformed',
        `the component holds ${modules.length} core modules: build it with wit-component`,
      );
    const behind = new Set([...lifts.values()].map(({ core }) => core.instance));
    const [main] = behind;
    if (main === undefined)
      return refuse(
        'world-mismatch',
        'the component exports no function: build it for the world terrace:policy/policy',
      );
    const module = coreInstances[main];
    const found = module === undefined ? undefined : modules[module];
    if (
      behind.size > 1 ||
      found === undefined ||
      coreInstances.filter((other) => other === module).length > 1
    )
      return refuse(
        'component-malformed',
        'the component is not made of one core module: build it with wit-component',
      );
    return success({ imports, lifts, lowers, main, core: found.bytes, coreAt: found.at, place });
  }

  return { readSection, finish };
}
