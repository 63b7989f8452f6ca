import { unsigned } from '../../../../runtime/policy/meter/encode.ts';

/** Pieces of Wasm binaries, for what no tool would write. */
export type Bytes = readonly number[] | Uint8Array;

export { unsigned as leb128 };

export const CORE_HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
export const COMPONENT_HEADER = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];

export interface Section {
  readonly id: number;
  readonly payload: Uint8Array;
}

export function concatenate(...parts: readonly Bytes[]): Uint8Array {
  return Buffer.concat(parts.map((part) => Uint8Array.from(part)));
}

export function name(text: string): Uint8Array {
  const encoded = Buffer.from(text);
  return concatenate(unsigned(encoded.length), encoded);
}

/** A section, `lies` bytes longer than it says. */
export function section(id: number, payload: Bytes, lies = 0): Uint8Array {
  return concatenate([id], unsigned(payload.length - lies), payload);
}

export function custom(title: string, payload: Bytes): Uint8Array {
  return section(0, concatenate(name(title), payload));
}

/** The sections of a sound module or component. */
export function sectionsOf(binary: Uint8Array): Section[] {
  const sections: Section[] = [];
  let at = CORE_HEADER.length;
  while (at < binary.length) {
    const id = binary[at++]!;
    let length = 0;
    for (let shift = 0, more = true; more; shift += 7) {
      more = binary[at]! > 127;
      length += (binary[at++]! & 127) << shift;
    }
    sections.push({ id, payload: binary.subarray(at, (at += length)) });
  }
  return sections;
}

/** A binary of the same kind with other sections. */
export function withSections(
  binary: Uint8Array,
  change: (sections: readonly Section[]) => readonly (Section | Uint8Array)[],
): Uint8Array {
  const parts = change(sectionsOf(binary)).map((part) =>
    part instanceof Uint8Array ? part : section(part.id, part.payload),
  );
  return concatenate(binary.subarray(0, CORE_HEADER.length), ...parts);
}
