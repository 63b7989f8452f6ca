import { createBinaryReader } from '../parse/binary-reader.ts';
import type { BinaryReader } from '../parse/binary-reader.ts';
import { CORE_HEADER, EXTERNAL, SECTION_ORDER } from '../parse/core-format.ts';
import { readBounds } from '../parse/core-types.ts';
import { createInstruction, OPCODE, readInstruction } from '../parse/instructions.ts';
import type { Bounds, GlobalType } from '../parse/spaces.ts';

/** Section ids (WebAssembly 2.0, section 5.5.2). */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
} as const;

/** Payloads by section id, custom ones left out. */
export type Sections = ReadonlyMap<number, Uint8Array>;

export interface FunctionType {
  /** Value types, a byte each. */
  readonly params: Uint8Array;
  readonly results: Uint8Array;
}

/** A module's index spaces, as far as metering has to know them; what is imported comes first in each. */
export interface Spaces {
  readonly types: readonly FunctionType[];
  /** The type of each function. */
  readonly functions: readonly FunctionType[];
  readonly importedFunctions: number;
  readonly globals: readonly GlobalType[];
  readonly memories: readonly Bounds[];
  readonly importedMemories: number;
  readonly exportNames: readonly string[];
}

const NO_TYPE: FunctionType = { params: new Uint8Array(0), results: new Uint8Array(0) };

export function splitSections(reader: BinaryReader): Sections {
  const sections = new Map<number, Uint8Array>();
  if (reader.take(CORE_HEADER.length).join() !== CORE_HEADER.join())
    reader.fail('the core module has no Wasm header');
  while (!reader.atEnd) {
    const id = reader.byte();
    const payload = reader.take(reader.u32());
    if (id === SECTION.custom) continue;
    if (sections.has(id) || !SECTION_ORDER.includes(id))
      reader.fail(`section ${id} is unknown, or there twice`, 'module-forbidden');
    sections.set(id, payload);
  }
  return sections;
}

/** Faults become those of `parent`. */
export function readSpaces(parent: BinaryReader, sections: Sections): Spaces {
  const types: FunctionType[] = [];
  const functions: FunctionType[] = [];
  const globals: GlobalType[] = [];
  const memories: Bounds[] = [];
  const exportNames: string[] = [];

  const readEach = (id: number, readItem: (section: BinaryReader) => unknown): void => {
    const section = createBinaryReader(sections.get(id) ?? Uint8Array.of(0), parent);
    for (let left = section.count(); left > 0; left--) readItem(section);
    if (!section.atEnd) section.fail(`section ${id} is longer than its items`);
  };
  const readFunction = (section: BinaryReader): void => {
    const type = types[section.u32()];
    if (type === undefined) section.fail('a function has a type that there is not');
    functions.push(type ?? NO_TYPE);
  };
  const readImport = (section: BinaryReader): void => {
    section.name();
    section.name();
    const kind = section.byte();
    if (kind === EXTERNAL.function) readFunction(section);
    else if (kind === EXTERNAL.table) {
      section.byte();
      readBounds(section, 'table');
    } else if (kind === EXTERNAL.memory) memories.push(readBounds(section, 'memory'));
    else if (kind === EXTERNAL.global) globals.push(readGlobalType(section));
    else section.fail(`an import is of an unknown kind, ${kind}`, 'module-forbidden');
  };

  readEach(SECTION.type, (section) => types.push(readFunctionType(section)));
  readEach(SECTION.import, readImport);
  const [importedFunctions, importedMemories] = [functions.length, memories.length];
  readEach(SECTION.function, readFunction);
  readEach(SECTION.memory, (section) => memories.push(readBounds(section, 'memory')));
  readEach(SECTION.global, (section) => {
    globals.push(readGlobalType(section));
    passExpression(section);
  });
  readEach(SECTION.export, (section) => {
    exportNames.push(section.name());
    section.byte();
    section.u32();
  });
  return { types, functions, importedFunctions, globals, memories, importedMemories, exportNames };
}

function readFunctionType(section: BinaryReader): FunctionType {
  if (section.byte() !== 0x60) section.fail('a type is no plain function type', 'module-forbidden');
  return { params: section.take(section.count()), results: section.take(section.count()) };
}

function readGlobalType(section: BinaryReader): GlobalType {
  const [type, mutability] = [section.byte(), section.byte()];
  if (mutability > 1) section.fail('a global is neither constant nor mutable');
  return { type, mutable: mutability === 1 };
}

function passExpression(section: BinaryReader): void {
  const instruction = createInstruction();
  do readInstruction(section, instruction);
  while (instruction.opcode !== OPCODE.end && !section.atEnd);
}
