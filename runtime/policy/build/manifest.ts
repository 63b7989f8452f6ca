import { ABI_VERSION, MANIFEST_SECTION, type Manifest } from '../../contract.ts';
import type { Author } from './author.ts';

export function manifestOf(author: Author, name: string): Manifest {
  return {
    abi: ABI_VERSION,
    name,
    version: author.version,
    description: author.description,
    columns: author.columns,
    stateVersion: author.stateVersion,
    stateBytesMax: author.stateBytesMax,
    settings: author.settings.map(({ schema }) => schema),
    reasons: author.reasons,
  };
}

/** The core module with the manifest as its last custom section. */
export function withManifest(core: Uint8Array, manifest: Manifest): Uint8Array {
  const name = new TextEncoder().encode(MANIFEST_SECTION);
  const json = new TextEncoder().encode(JSON.stringify(manifest));
  const body = [...leb128(name.length), ...name, ...json];
  return Uint8Array.from([...core, 0, ...leb128(body.length), ...body]);
}

/** Unsigned LEB128, as the binary format writes lengths. */
function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb128(value >>> 7)];
}
