import { success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { createBinaryReader } from '../parse/binary-reader.ts';
import type { BinaryReader } from '../parse/binary-reader.ts';
import { CORE_HEADER, EXTERNAL, METER_PREFIX, SECTION_ORDER } from '../parse/core-format.ts';
import type { LoadFault } from '../policy.ts';
import { accessors, chargeBytes, chargePages, encodeBody } from './additions.ts';
import { meterBody, readBody } from './body.ts';
import { EMIT, VALUE, join, name, signed, sized, unsigned, vector } from './encode.ts';
import type { Bytes } from './encode.ts';
import { SECTION, readSpaces, splitSections } from './spaces.ts';
import type { Sections, Spaces } from './spaces.ts';
import { findPrepaid } from './prices.ts';
import { createTypeTable } from './type-table.ts';
import type { TypeTable } from './type-table.ts';

export interface MeterOptions {
  /** Pages of 64 KiB that memory may grow to; left out, as many as the module says. */
  readonly memoryPagesMax?: number;
  /** Fuel that an instance is born with; none, unless said, so that not even a start section runs for nothing. */
  readonly fuelAtStart?: bigint;
}

export interface Metered {
  readonly binary: Uint8Array<ArrayBuffer>;
  /** 64-bit words that its mutable globals make, each behind `terrace:get<k>` and `terrace:set<k>`. */
  readonly words: number;
}

/** What every metered module exports: the fuel left, a mutable i64, negative once it did not suffice. */
export const FUEL_EXPORT = `${METER_PREFIX}fuel`;

/** All that a 32-bit memory can have. */
const PAGES_MAX = 65_536;
const NO_ITEMS = Uint8Array.of(0);

/**
 * The same core module, its fuel counted and its memory bounded. It does what it did until the fuel is burnt,
 * and then traps. The original must have passed V8's validation, so that whatever it names is its own and not
 * what is appended here; no index changes. Custom sections are left out: none changes what the code does.
 */
export function meterModule(
  original: Uint8Array<ArrayBuffer>,
  { memoryPagesMax, fuelAtStart = 0n }: MeterOptions = {},
): Result<Metered, LoadFault> {
  const reader = createBinaryReader(original);
  const sections = splitSections(reader);
  const spaces = readSpaces(reader, sections);
  if (spaces.exportNames.some((exported) => exported.startsWith(METER_PREFIX)))
    reader.fail(`an export begins with ${METER_PREFIX}, which is kept for the meter`, 'module-forbidden');
  const pagesMax = boundPages(reader, spaces, memoryPagesMax);
  const { functions, globals, memories } = spaces;
  const words = accessors(reader, globals);
  const fuel = globals.length;
  const charges = memories.length > 0 ? [chargeBytes(fuel), chargePages(fuel, pagesMax)] : [];
  const additions = [...charges, ...words];
  const types = createTypeTable(spaces.types);
  const bodies = meterBodies(reader, sections, spaces, types);
  const additionTypes = additions.map(({ params, results }) => unsigned(types.indexOf(params, results)));
  const exports = [
    [...name(FUEL_EXPORT), EXTERNAL.global, ...unsigned(fuel)],
    ...additions.flatMap(({ exportName }, at) =>
      exportName === undefined
        ? []
        : [[...name(exportName), EXTERNAL.function, ...unsigned(functions.length + at)]],
    ),
  ];
  const fuelGlobal = [VALUE.i64, 1, EMIT.i64Const, ...signed(fuelAtStart), EMIT.end];
  const rewritten: Sections = new Map([
    ...sections,
    [SECTION.type, extend(sections, SECTION.type, types.added)],
    [SECTION.function, extend(sections, SECTION.function, additionTypes)],
    [SECTION.global, extend(sections, SECTION.global, [fuelGlobal])],
    [SECTION.export, extend(sections, SECTION.export, exports)],
    [SECTION.code, vector([...bodies, ...additions.map((addition) => sized(encodeBody(addition)))])],
    ...(memoryPagesMax === undefined || !sections.has(SECTION.memory)
      ? []
      : [[SECTION.memory, encodeMemory(spaces, pagesMax)] as const]),
  ]);
  return reader.fault ?? success({ binary: assemble(rewritten), words: words.length / 2 });
}

/** How many pages memory may grow to at most. */
function boundPages(reader: BinaryReader, spaces: Spaces, wanted: number | undefined): number {
  const { memories, importedMemories } = spaces;
  if (memories.length > 1) reader.fail('there is more than one memory', 'module-forbidden');
  const pagesMax = Math.min(memories[0]?.maximum ?? PAGES_MAX, wanted ?? PAGES_MAX);
  if (wanted === undefined || memories.length === 0) return pagesMax;
  if (importedMemories > 0) reader.fail('an imported memory cannot be bounded', 'module-forbidden');
  const { minimum } = memories[0]!;
  if (minimum > pagesMax)
    reader.fail(`memory starts with ${minimum} pages, ${pagesMax} are allowed`, 'module-forbidden');
  return pagesMax;
}

function encodeMemory({ memories }: Spaces, pagesMax: number): Uint8Array {
  const items = memories.map(({ minimum }) => [1, ...unsigned(minimum), ...unsigned(pagesMax)]);
  return vector(items);
}

/** The charging functions come first behind the original's functions. */
function meterBodies(
  parent: BinaryReader,
  sections: Sections,
  { functions, importedFunctions, globals }: Spaces,
  types: TypeTable,
): readonly Bytes[] {
  const payload = sections.get(SECTION.code) ?? NO_ITEMS;
  const code = createBinaryReader(payload, parent);
  if (code.count() !== functions.length - importedFunctions)
    code.fail('there are not as many bodies as functions');
  const own = functions.slice(importedFunctions);
  const bodies = own.map(() => readBody(code.section(code.u32()), types.hasParams));
  if (!code.atEnd) code.fail('the code section is longer than its bodies');
  const around = {
    fuel: globals.length,
    chargeBytes: functions.length,
    chargePages: functions.length + 1,
    prices: findPrepaid(bodies, importedFunctions),
  };
  return bodies.map((body, at) => {
    if (around.prices.has(importedFunctions + at)) return sized(payload.subarray(body.start, body.end));
    const { params, results } = own[at]!;
    const signature = { params: params.length, results: types.blockOf(results) };
    return sized(meterBody(body, payload, signature, around));
  });
}

/** A section's payload with more items at its end. */
function extend(sections: Sections, id: number, more: readonly Bytes[]): Uint8Array {
  const reader = createBinaryReader(sections.get(id) ?? NO_ITEMS);
  const count = reader.u32();
  return join([unsigned(count + more.length), reader.rest(), ...more]);
}

function assemble(sections: Sections): Uint8Array<ArrayBuffer> {
  return join([
    CORE_HEADER,
    ...SECTION_ORDER.flatMap((id) => {
      const payload = sections.get(id);
      return payload === undefined ? [] : [[id], sized(payload)];
    }),
  ]);
}
