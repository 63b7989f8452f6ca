import { failure, success, type Result } from '../../result.ts';

/** Kinds of BTF types; Documentation/bpf/btf.rst, include/uapi/linux/btf.h. */
export const BTF_KIND = {
  int: 1,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  function: 12,
  functionProto: 13,
  variable: 14,
  dataSection: 15,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** Words after the three of every type: a fixed number, and one for each of its `vlen` parts. */
const fixedWords: Readonly<Record<number, number>> = {
  [BTF_KIND.int]: 1,
  [BTF_KIND.array]: 3,
  [BTF_KIND.variable]: 1,
  [BTF_KIND.declTag]: 1,
};
const wordsPerPart: Readonly<Record<number, number>> = {
  [BTF_KIND.struct]: 3,
  [BTF_KIND.union]: 3,
  [BTF_KIND.enum]: 2,
  [BTF_KIND.functionProto]: 2,
  [BTF_KIND.dataSection]: 3,
  [BTF_KIND.enum64]: 3,
};

const magic = 0xeb9f;
const kindMax = 19;
/** Structures inside structures, and typedefs of typedefs, deeper than any kernel's; stops circles. */
const depthMax = 16;
/** Members looked at for one name, far above the largest structure's; stops circles that branch. */
const membersMax = 65_536;

export type BtfFault = 'btf-malformed';

/** The kernel's own description of its types. Ids start at 1; undefined = there is no such thing. */
export interface Btf {
  readonly typeCount: number;
  /** The first type of that kind and name. A structure is one with members, not a declaration ahead. */
  find(kind: number, name: string): number | undefined;
  sizeOf(struct: string): number | undefined;
  /** Byte offset of a member by its path, through anonymous structures; undefined for a bit field. */
  offsetOf(struct: string, ...path: readonly string[]): number | undefined;
  enumValue(enumeration: string, name: string): number | undefined;
}

/** Reads a BTF blob such as /sys/kernel/btf/vmlinux. Every index in it is checked: it is only bytes. */
export function parseBtf(bytes: Uint8Array): Result<Btf, BtfFault> {
  const sections = readSections(bytes);
  if (!sections) return malformed('has no header of its own version');
  const types = indexTypes(sections.words);
  if (!types) return malformed('has types of unknown form');
  return success(createBtf(sections, types));
}

interface Sections {
  readonly words: Uint32Array;
  readonly strings: Uint8Array;
}

function readSections(bytes: Uint8Array): Sections | undefined {
  if (bytes.length < 24) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [headerBytes, typeFrom, typeBytes, stringFrom, stringBytes] = [4, 8, 12, 16, 20].map((at) =>
    view.getUint32(at, true),
  );
  const end = bytes.length - headerBytes;
  if (view.getUint16(0, true) !== magic || bytes[2] !== 1 || headerBytes < 24) return undefined;
  if (typeFrom + typeBytes > end || stringFrom + stringBytes > end || typeBytes % 4 !== 0) return undefined;
  const words = new Uint32Array(typeBytes / 4);
  new Uint8Array(words.buffer).set(
    bytes.subarray(headerBytes + typeFrom, headerBytes + typeFrom + typeBytes),
  );
  return {
    words,
    strings: bytes.subarray(headerBytes + stringFrom, headerBytes + stringFrom + stringBytes),
  };
}

/** Where in `words` each type starts, by id; entry 0 is void. Undefined when one is cut off or unknown. */
function indexTypes(words: Uint32Array): Uint32Array | undefined {
  const starts: number[] = [0];
  for (let at = 0; at < words.length;) {
    starts.push(at);
    if (at + 3 > words.length) return undefined;
    const kind = kindOf(words, at);
    if (kind === 0 || kind > kindMax) return undefined;
    at += 3 + (fixedWords[kind] ?? 0) + (wordsPerPart[kind] ?? 0) * partsOf(words, at);
    if (at > words.length) return undefined;
  }
  return Uint32Array.from(starts);
}

function createBtf({ words, strings }: Sections, starts: Uint32Array): Btf {
  function isName(offset: number, name: Uint8Array): boolean {
    if (offset === 0 || strings[offset + name.length] !== 0) return false;
    for (let at = 0; at < name.length; at++) if (strings[offset + at] !== name[at]) return false;
    return true;
  }

  function find(kind: number, name: string): number | undefined {
    const wanted = Buffer.from(name);
    const needsParts = kind === BTF_KIND.struct || kind === BTF_KIND.enum;
    for (let id = 1; id < starts.length; id++) {
      const at = starts[id];
      if (kindOf(words, at) !== kind || !isName(words[at], wanted)) continue;
      if (!needsParts || partsOf(words, at) > 0) return id;
    }
    return undefined;
  }

  /** The structure or union behind typedefs and qualifiers. */
  function compound(id: number): number | undefined {
    for (let depth = 0; depth < depthMax && id > 0 && id < starts.length; depth++) {
      const kind = kindOf(words, starts[id]);
      if (kind === BTF_KIND.struct || kind === BTF_KIND.union) return id;
      if ((kind < BTF_KIND.typedef || kind > BTF_KIND.restrict) && kind !== BTF_KIND.typeTag)
        return undefined;
      id = words[starts[id] + 2];
    }
    return undefined;
  }

  /** [bit offset, type] of a member, also of an anonymous member's. */
  function member(
    id: number,
    name: Uint8Array,
    seen = { members: 0 },
    depth = 0,
  ): readonly [number, number] | undefined {
    const at = starts[id];
    const hasBitFields = words[at + 1] >>> 31 === 1;
    for (let part = 0; part < partsOf(words, at); part++) {
      if (++seen.members > membersMax) return undefined;
      const [nameAt, type, place] = words.subarray(at + 3 + 3 * part, at + 6 + 3 * part);
      if (hasBitFields && place >>> 24 !== 0) continue;
      const bits = hasBitFields ? place & 0xff_ffff : place;
      if (isName(nameAt, name)) return [bits, type];
      const inner = nameAt === 0 && depth < depthMax ? compound(type) : undefined;
      const found = inner === undefined ? undefined : member(inner, name, seen, depth + 1);
      if (found) return [bits + found[0], found[1]];
    }
    return undefined;
  }

  function offsetOf(struct: string, ...path: readonly string[]): number | undefined {
    let id = find(BTF_KIND.struct, struct);
    let bits = 0;
    for (const name of path) {
      const found = id === undefined ? undefined : member(id, Buffer.from(name));
      if (!found) return undefined;
      bits += found[0];
      id = compound(found[1]);
    }
    return bits % 8 === 0 ? bits / 8 : undefined;
  }

  return {
    typeCount: starts.length - 1,
    find,
    offsetOf,
    sizeOf(struct) {
      const id = find(BTF_KIND.struct, struct);
      return id === undefined ? undefined : words[starts[id] + 2];
    },
    enumValue(enumeration, name) {
      const id = find(BTF_KIND.enum, enumeration);
      if (id === undefined) return undefined;
      const at = starts[id] + 3;
      const wanted = Buffer.from(name);
      for (let part = 0; part < partsOf(words, starts[id]); part++)
        if (isName(words[at + 2 * part], wanted)) return words[at + 2 * part + 1];
      return undefined;
    },
  };
}

function kindOf(words: Uint32Array, at: number): number {
  return (words[at + 1] >>> 24) & 31;
}

function partsOf(words: Uint32Array, at: number): number {
  return words[at + 1] & 0xffff;
}

function malformed(what: string): Result<never, BtfFault> {
  return failure('btf-malformed', `the kernel's type description ${what}; resolve frames by the scan`);
}
