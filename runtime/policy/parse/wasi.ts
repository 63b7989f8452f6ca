import { componentSectionsMax } from '../../limits.ts';
import { createBinaryReader } from './binary-reader.ts';
import type { BinaryReader } from './binary-reader.ts';
import type { LoadFailure } from '../policy.ts';
import { quote } from '../quote.ts';

/** The preview 1 modules are called `wasi_…`, the component interfaces `wasi:…`. */
export function isWasi(imported: string): boolean {
  return /^wasi[_:]/.test(imported);
}

/** A reason of its own, since most modules that import it hold a JavaScript engine or were linked with a libc. */
export function whyNoWasi(imported: string): string {
  return (
    `the policy imports ${quote(imported)}: it needs WASI, as JavaScript engines and libcs in Wasm do, and no ` +
    'policy host has it, since with files, clocks and random numbers no plan could be replayed; compile the ' +
    'policy itself, freestanding (docs/admission.md)'
  );
}

/** A component's header and import section, and the sorts of what it imports that take more than an index. */
const HEADER_BYTES = 8;
const IMPORTS = 10;
const CORE = 0;
const TYPE = 3;
const SUB_RESOURCE = 1;

/**
 * Looks through a component's sections for the name of an import of WASI, before anything else is read: its
 * types come first, and would be refused too, but nobody would learn from that what to do.
 */
export function findWasiImport(component: Uint8Array): LoadFailure | undefined {
  const reader = createBinaryReader(component, undefined, { whole: 'component' });
  reader.take(HEADER_BYTES);
  for (let left = componentSectionsMax; left > 0 && !reader.atEnd; left--) {
    const id = reader.byte();
    const section = reader.section(reader.u32(), "component's import section");
    if (id !== IMPORTS) continue;
    for (let items = section.count(); items > 0 && !section.atEnd; items--) {
      section.byte();
      const name = section.name();
      if (isWasi(name)) section.fail(whyNoWasi(name), 'import-forbidden');
      skipDescription(section);
    }
  }
  return reader.fault?.code === 'import-forbidden' ? reader.fault : undefined;
}

function skipDescription(section: BinaryReader): void {
  const sort = section.byte();
  if (sort === CORE) section.byte();
  if (sort === TYPE && section.byte() === SUB_RESOURCE) return;
  section.u32();
}
