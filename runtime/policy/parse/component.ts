import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { createBinaryReader } from './binary-reader.ts';
import type { BinaryReader } from './binary-reader.ts';
import { readExternName, readType, readTypeBound } from './component-types.ts';
import type { ComponentType, ShapeTable } from './component-types.ts';
import type { LoadFault } from '../policy.ts';

const COMPONENT_HEADER = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
const CORE_HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** The policy itself, and the shim and the fixup that wit-component adds for imports; only the first ever runs. */
const CORE_MODULES_MAX = 3;

/** Section ids of the component model's Binary.md. */
const SECTION = {
  custom: 0,
  coreModule: 1,
  coreInstance: 2,
  alias: 6,
  type: 7,
  canon: 8,
  import: 10,
  export: 11,
};
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
}

export interface Component {
  /** Shapes of the functions it imports, by name. */
  readonly imports: ReadonlyMap<string, number>;
  readonly lifts: ReadonlyMap<string, Lift>;
  /** How each import was lowered. */
  readonly lowers: readonly { readonly name: string; readonly options: CanonOptions }[];
  /** The core instance behind `lifts`, and its module's bytes. */
  readonly main: number;
  readonly core: Uint8Array;
}

type ComponentFunction =
  | { readonly kind: 'import'; readonly name: string; readonly shape: number }
  | ({ readonly kind: 'lift' } & Lift);

/** Reads a component of the one form wit-component gives a policy; every other form is refused, not interpreted. */
export function readComponent(bytes: Uint8Array, shapes: ShapeTable): Result<Component, LoadFault> {
  if (startsWith(bytes, CORE_HEADER))
    return failure(
      'not-a-component',
      'the file is a core Wasm module: make it a component with `terrace build`',
    );
  if (!startsWith(bytes, COMPONENT_HEADER))
    return failure(
      'not-a-component',
      'the file is no Wasm component: give the .wasm that `terrace build` wrote',
    );
  const reader = createBinaryReader(bytes);
  reader.take(COMPONENT_HEADER.length);
  const walk = createWalk(shapes);
  while (!reader.atEnd) walk.readSection(reader.byte(), reader.section(reader.u32()));
  return reader.fault ?? walk.finish();
}

function startsWith(bytes: Uint8Array, header: readonly number[]): boolean {
  return header.every((value, i) => bytes[i] === value);
}

/** Keeps the component's index spaces while its sections go by, in whatever order they come. */
function createWalk(shapes: ShapeTable) {
  const modules: Uint8Array[] = [];
  /** Module index of each core instance; undefined for one put together from exports. */
  const coreInstances: (number | undefined)[] = [];
  const coreFunctions: (CoreExportRef | undefined)[] = [];
  const coreMemories: CoreExportRef[] = [];
  const types: ComponentType[] = [];
  const instances: ReadonlyMap<string, ComponentType>[] = [];
  const functions: ComponentFunction[] = [];
  const imports = new Map<string, number>();
  const lifts = new Map<string, Lift>();
  const lowers: { name: string; options: CanonOptions }[] = [];

  function readSection(id: number, section: BinaryReader): void {
    if (id === SECTION.custom) return;
    if (id === SECTION.coreModule) return void modules.push(section.rest());
    const readItem = items.get(id);
    if (readItem === undefined)
      return section.fail(`the component has a section that no policy needs (${id})`);
    for (let left = section.count(); left > 0; left--) readItem(section);
    if (!section.atEnd) section.fail(`section ${id} of the component is longer than its items`);
  }

  const items = new Map<number, (reader: BinaryReader) => void>([
    [SECTION.coreInstance, readCoreInstance],
    [SECTION.alias, readAlias],
    [SECTION.type, (reader) => types.push(readType(reader, shapes, types))],
    [SECTION.canon, readCanon],
    [SECTION.import, readImport],
    [SECTION.export, readExport],
  ]);

  function readCoreInstance(reader: BinaryReader): void {
    const instantiates = reader.byte() === 0;
    coreInstances.push(instantiates ? reader.u32() : undefined);
    for (let left = reader.count(); left > 0; left--) {
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
    if (type === undefined)
      return reader.fail(`the component aliases ${JSON.stringify(name)}, which no policy needs`);
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
    const [kind, zero] = [reader.byte(), reader.byte()];
    if (kind > 1 || zero !== 0)
      return reader.fail('the component uses a canonical built-in that no policy needs');
    const index = reader.u32();
    const options = readOptions(reader);
    if (kind === 0) addLift(reader, coreFunctions[index], options);
    else addLower(reader, functions[index], options);
  }

  function addLift(reader: BinaryReader, core: CoreExportRef | undefined, options: CanonOptions): void {
    const type = types[reader.u32()];
    if (core === undefined || type?.kind !== 'function')
      return reader.fail('the component lifts a function it does not have');
    functions.push({ kind: 'lift', shape: type.shape, core, options });
  }

  function addLower(
    reader: BinaryReader,
    lowered: ComponentFunction | undefined,
    options: CanonOptions,
  ): void {
    if (lowered?.kind !== 'import') return reader.fail('the component lowers a function it does not import');
    lowers.push({ name: lowered.name, options });
    coreFunctions.push(undefined);
  }

  function readOptions(reader: BinaryReader): CanonOptions {
    const encodings = ['utf8', 'utf16', 'latin1+utf16'] as const;
    let encoding: CanonOptions['encoding'] = 'utf8';
    let memory: CoreExportRef | undefined;
    let realloc: CoreExportRef | undefined;
    let postReturn: CoreExportRef | undefined;
    for (let left = reader.count(); left > 0; left--) {
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
    const name = readExternName(reader);
    const kind = reader.peek();
    if (kind === SORT.type) {
      const type = readTypeBound(reader, types);
      if (type === undefined)
        return reader.fail(`the component imports a resource, ${name}`, 'import-forbidden');
      return void types.push(type);
    }
    reader.byte();
    const type = types[reader.u32()];
    if (kind === SORT.instance && type?.kind === 'instance') return void instances.push(type.exports);
    if (kind !== SORT.function || type?.kind !== 'function')
      return reader.fail(
        `the component imports ${name}; a policy may import only \`log\``,
        'import-forbidden',
      );
    imports.set(name, type.shape);
    functions.push({ kind: 'import', name, shape: type.shape });
  }

  function readExport(reader: BinaryReader): void {
    const [name, sort, index] = [readExternName(reader), reader.byte(), reader.u32()];
    if (reader.byte() === 1)
      reader.fail(`the export ${name} carries a type of its own, which no policy needs`);
    const type = types[index];
    if (sort === SORT.type && type !== undefined) return void types.push(type);
    const lifted = functions[index];
    if (sort !== SORT.function || lifted?.kind !== 'lift' || lifts.has(name))
      return reader.fail(`the component exports ${name}, which is no function of its own`, 'world-mismatch');
    lifts.set(name, lifted);
    functions.push(lifted);
  }

  function finish(): Result<Component, LoadFault> {
    if (modules.length > CORE_MODULES_MAX)
      return failure(
        'component-malformed',
        `the component holds ${modules.length} core modules: build it with wit-component`,
      );
    const behind = new Set([...lifts.values()].map(({ core }) => core.instance));
    const [main] = behind;
    if (main === undefined)
      return failure(
        'world-mismatch',
        'the component exports no function: build it for the world terrace:policy/policy',
      );
    const module = coreInstances[main];
    const core = module === undefined ? undefined : modules[module];
    if (behind.size > 1 || core === undefined || coreInstances.filter((other) => other === module).length > 1)
      return failure(
        'component-malformed',
        'the component is not made of one core module: build it with wit-component',
      );
    return success({ imports, lifts, lowers, main, core });
  }

  return { readSection, finish };
}
