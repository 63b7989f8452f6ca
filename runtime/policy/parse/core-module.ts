import { success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { customSectionsMax } from '../../limits.ts';
import { createBinaryReader } from './binary-reader.ts';
import type { BinaryReader, Origin } from './binary-reader.ts';
import { CORE_HEADER, SECTION_ORDER } from './core-format.ts';
import { createSections } from './core-sections.ts';
import type { Outside } from './core-sections.ts';
import type { LoadFault } from '../policy.ts';
import type { Spaces } from './spaces.ts';

const CUSTOM = 0;
const START = 8;

/** The sections a policy may have, custom ones aside, in the order in which they must come. */
const ORDER = SECTION_ORDER.filter((id) => id !== START);
const FORBIDDEN: Readonly<Record<number, string>> = {
  [START]: 'a start section, which would run before anything can bound it (asc: --exportStart _initialize)',
  13: 'exception tags',
};

export interface CustomSection {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** As it stands in messages. */
  readonly place: string;
}

/** What is known of a core module whose every byte was read. */
export interface CoreModule extends Spaces, Outside {
  readonly customs: readonly CustomSection[];
  /** Where it begins, as it stands in messages. */
  readonly place: string;
}

/**
 * Reads a core module to its last instruction and refuses what no policy needs, so that whoever rewrites it
 * meets nothing unknown. What remains for V8, in the policy's host, is the types of operands.
 */
export function readCoreModule(bytes: Uint8Array, origin: Origin = {}): Result<CoreModule, LoadFault> {
  const reader = createBinaryReader(bytes, undefined, {
    whole: 'core module',
    code: 'module-invalid',
    ...origin,
  });
  const place = `core module, ${reader.place()}`;
  const sections = createSections();
  const customs: CustomSection[] = [];
  if (!CORE_HEADER.every((value, i) => bytes[i] === value)) reader.fail('the core module has no Wasm header');
  reader.take(CORE_HEADER.length);
  let last = -1;
  while (!reader.atEnd) {
    const at = reader.offset;
    const id = reader.byte();
    if (id === CUSTOM) {
      customs.push(readCustom(reader.section(reader.u32(), 'custom section')));
      if (customs.length > customSectionsMax)
        reader.fail(`the core module has more than ${customSectionsMax} custom sections`, 'module-forbidden');
      continue;
    }
    last = checkOrder(reader, id, last, at);
    sections.read(id, reader);
  }
  sections.finish(reader);
  return reader.fault ?? success({ ...sections.spaces, ...sections.outside, customs, place });
}

function readCustom(section: BinaryReader): CustomSection {
  const name = section.name();
  const place = section.place();
  return { name, bytes: section.rest(), place };
}

/** The place of section `id` in `ORDER`, which must lie behind `last`. */
function checkOrder(reader: BinaryReader, id: number, last: number, at: number): number {
  const place = ORDER.indexOf(id);
  if (place < 0)
    reader.fail(
      `the core module has ${FORBIDDEN[id] ?? `an unknown section (${id})`}`,
      FORBIDDEN[id] === undefined ? 'module-invalid' : 'module-forbidden',
      at,
    );
  else if (place <= last) reader.fail(`section ${id} of the core module is out of order`, undefined, at);
  return place;
}
