import type { BinaryReader } from './binary-reader.ts';
import { readBlockType, readReferenceType, readValueType } from './value-types.ts';

/** What follows an opcode in the binary format (WebAssembly 2.0, section 5.4). */
export type Immediate =
  | 'none'
  | 'block'
  | 'label'
  | 'labels'
  | 'function'
  | 'call-indirect'
  | 'local'
  | 'global'
  | 'table'
  | 'access'
  | 'lane-access'
  | 'memory'
  | 'memory-init'
  | 'memory-copy'
  | 'i32'
  | 'i64'
  | 'bytes-4'
  | 'bytes-8'
  | 'bytes-16'
  | 'shuffle'
  | 'lane'
  | 'reference-type'
  | 'value-types';

/** Opcodes that somebody names; those behind a prefix byte read `prefix × 0x1000 + number`. */
export const OPCODE = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  branchTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  globalGet: 0x23,
  globalSet: 0x24,
  memoryGrow: 0x40,
  refFunc: 0xd2,
  memoryInit: 0xfc008,
  memoryCopy: 0xfc00a,
  memoryFill: 0xfc00b,
} as const;

const PREFIX_NUMERIC = 0xfc;
const PREFIX_VECTOR = 0xfd;

/** One instruction; made once and filled again by `readInstruction`. */
export interface Instruction {
  opcode: number;
  immediate: Immediate;
  /** Where the opcode begins, in the reader's own offsets; its immediates end at the reader's offset. */
  offset: number;
  /**
   * The index it names (label, function, type of call-indirect, local, global, table, data segment), the
   * signed block type (negative: a value type or empty; else a type index), the lane, or the alignment's
   * exponent.
   */
  index: number;
  /** The second index: the table of call-indirect, the lane of an access. */
  second: number;
  /** The labels of a branch table, the default last. */
  labels: number[];
}

export function createInstruction(): Instruction {
  return { opcode: 0, immediate: 'none', offset: 0, index: 0, second: 0, labels: [] };
}

/**
 * Reads the next instruction into `into`; what policies may not use is a fault of the reader that says why.
 * Nothing is type-checked: that is V8's, in the policy's host.
 */
export function readInstruction(reader: BinaryReader, into: Instruction): void {
  into.offset = reader.offset;
  into.opcode = readOpcode(reader);
  const immediate = IMMEDIATES.get(into.opcode);
  if (immediate === undefined) {
    reader.fail(whyNot(into.opcode), 'module-forbidden', into.offset);
    into.immediate = 'none';
    return;
  }
  into.immediate = immediate;
  if (immediate !== 'none') readImmediate(reader, into);
}

function readOpcode(reader: BinaryReader): number {
  const first = reader.byte();
  if (first !== PREFIX_NUMERIC && first !== PREFIX_VECTOR) return first;
  return first * 0x1000 + Math.min(reader.u32(), 0xfff);
}

function readImmediate(reader: BinaryReader, into: Instruction): void {
  switch (into.immediate) {
    case 'block':
      into.index = readBlockType(reader);
      return;
    case 'labels':
      into.labels.length = 0;
      for (let left = reader.count(); left >= 0; left--) into.labels.push(reader.u32());
      return;
    case 'label':
    case 'function':
    case 'local':
    case 'global':
    case 'table':
      into.index = reader.u32();
      return;
    case 'call-indirect':
      into.index = reader.u32();
      into.second = reader.u32();
      return;
    case 'access':
      readAccess(reader, into);
      return;
    case 'lane-access':
      readAccess(reader, into);
      into.second = readLane(reader, into.opcode);
      return;
    case 'memory':
      readMemory(reader);
      return;
    case 'memory-init':
      into.index = reader.u32();
      readMemory(reader);
      return;
    case 'memory-copy':
      readMemory(reader);
      readMemory(reader);
      return;
    case 'i32':
      reader.skipSigned(32);
      return;
    case 'i64':
      reader.skipSigned(64);
      return;
    case 'bytes-4':
      reader.take(4);
      return;
    case 'bytes-8':
      reader.take(8);
      return;
    case 'bytes-16':
      reader.take(16);
      return;
    case 'shuffle':
      if (reader.take(16).some((lane) => lane >= 32))
        reader.fail('a shuffle names a lane that two vectors of 16 bytes do not have');
      return;
    case 'lane':
      into.index = readLane(reader, into.opcode);
      return;
    case 'reference-type':
      into.index = readReferenceType(reader);
      return;
    case 'value-types':
      if (reader.count() !== 1) reader.fail('a select has other than one type');
      readValueType(reader);
      return;
    case 'none':
  }
}

/** Alignment and offset; bit 6 of the alignment would name another memory. */
function readAccess(reader: BinaryReader, into: Instruction): void {
  into.index = reader.u32();
  if (into.index > 15)
    reader.fail('an access names a second memory, which policies may not have', 'module-forbidden');
  reader.u32();
}

function readLane(reader: BinaryReader, opcode: number): number {
  const lane = reader.byte();
  const lanes = LANES.get(opcode) ?? 0;
  if (lane >= lanes) reader.fail(`an instruction names lane ${lane} of a vector that has ${lanes}`);
  return lane;
}

function readMemory(reader: BinaryReader): void {
  if (reader.byte() !== 0)
    reader.fail('an instruction names a second memory, which policies may not have', 'module-forbidden');
}

/** Numbers behind the vector prefix that the standard leaves free. */
const VECTOR_FREE: ReadonlySet<number> = new Set(
  [154, 162, 165, 166, 175, 176, 178, 179, 180, 187, 194, 197, 198, 207, 208, 210, 211, 212, 226, 238].map(
    (number) => PREFIX_VECTOR * 0x1000 + number,
  ),
);

/** How many lanes a vector has where an instruction names one: extract and replace, load and store. */
const LANES: ReadonlyMap<number, number> = new Map([
  ...opcodes(16, [0xfd015, 0xfd017], [0xfd054, 0xfd054], [0xfd058, 0xfd058]),
  ...opcodes(8, [0xfd018, 0xfd01a], [0xfd055, 0xfd055], [0xfd059, 0xfd059]),
  ...opcodes(4, [0xfd01b, 0xfd01c], [0xfd01f, 0xfd020], [0xfd056, 0xfd056], [0xfd05a, 0xfd05a]),
  ...opcodes(2, [0xfd01d, 0xfd01e], [0xfd021, 0xfd022], [0xfd057, 0xfd057], [0xfd05b, 0xfd05b]),
]);

const IMMEDIATES: ReadonlyMap<number, Immediate> = new Map<number, Immediate>([
  ...opcodes(
    'none',
    [0x00, 0x01],
    [0x05, 0x05],
    [0x0b, 0x0b],
    [0x0f, 0x0f],
    [0x1a, 0x1b],
    [0x45, 0xc4],
    [0xd1, 0xd1],
  ),
  ...opcodes('block', [0x02, 0x04]),
  ...opcodes('label', [0x0c, 0x0d]),
  ...opcodes('labels', [0x0e, 0x0e]),
  ...opcodes('function', [0x10, 0x10], [0xd2, 0xd2]),
  ...opcodes('call-indirect', [0x11, 0x11]),
  ...opcodes('value-types', [0x1c, 0x1c]),
  ...opcodes('local', [0x20, 0x22]),
  ...opcodes('global', [0x23, 0x24]),
  ...opcodes('table', [0x25, 0x25], [0xfc010, 0xfc010]),
  ...opcodes('access', [0x28, 0x3e], [0xfd000, 0xfd00b], [0xfd05c, 0xfd05d]),
  ...opcodes('memory', [0x3f, 0x40], [0xfc00b, 0xfc00b]),
  ...opcodes('i32', [0x41, 0x41]),
  ...opcodes('i64', [0x42, 0x42]),
  ...opcodes('bytes-4', [0x43, 0x43]),
  ...opcodes('bytes-8', [0x44, 0x44]),
  ...opcodes('reference-type', [0xd0, 0xd0]),
  ...opcodes('none', [0xfc000, 0xfc007]),
  ...opcodes('memory-init', [0xfc008, 0xfc008]),
  ...opcodes('memory-copy', [0xfc00a, 0xfc00a]),
  ...opcodes('bytes-16', [0xfd00c, 0xfd00c]),
  ...opcodes('shuffle', [0xfd00d, 0xfd00d]),
  ...opcodes('lane', [0xfd015, 0xfd022]),
  ...opcodes('lane-access', [0xfd054, 0xfd05b]),
  ...opcodes('none', [0xfd00e, 0xfd014], [0xfd023, 0xfd053], [0xfd05e, 0xfd0ff]),
]);

function opcodes<const T>(value: T, ...ranges: readonly (readonly [number, number])[]): [number, T][] {
  return ranges
    .flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, i): [number, T] => [first + i, value]),
    )
    .filter(([opcode]) => !VECTOR_FREE.has(opcode));
}

/**
 * A policy's state is its memory and its globals and nothing else, so that a checkpoint of both is exact:
 * what changes tables or drops segments is refused with the unknown.
 */
const STATEFUL: Readonly<Record<number, string>> = {
  0x26: 'table.set',
  0xfc009: 'data.drop',
  0xfc00c: 'table.init',
  0xfc00d: 'elem.drop',
  0xfc00e: 'table.copy',
  0xfc00f: 'table.grow',
  0xfc011: 'table.fill',
};

const FAMILIES: readonly (readonly [number, number, string])[] = [
  [0x06, 0x0a, 'exceptions'],
  [0x12, 0x15, 'tail calls and calls of references'],
  [0x18, 0x19, 'exceptions'],
  [0x1f, 0x1f, 'exceptions'],
  [0xd3, 0xd6, 'typed references'],
  [0xfb, 0xfb, 'garbage collection'],
  [0xfd100, 0xfd12f, 'relaxed SIMD'],
  [0xfe, 0xfe, 'threads'],
];

function whyNot(opcode: number): string {
  const name = STATEFUL[opcode];
  if (name !== undefined)
    return `${name} would make state besides memory and globals, which no checkpoint could hold`;
  const hex = `0x${opcode.toString(16)}`;
  const family = FAMILIES.find(([first, last]) => opcode >= first && opcode <= last);
  return family === undefined
    ? `instruction ${hex} is unknown`
    : `instruction ${hex} belongs to ${family[2]}`;
}
