import { createBinaryReader } from '../../../../runtime/policy/parse/binary-reader.ts';
import { createInstruction, readInstruction } from '../../../../runtime/policy/parse/instructions.ts';
import type { Immediate } from '../../../../runtime/policy/parse/instructions.ts';
import { END, FUNCREF, I32, u32 } from './wasm.ts';
import type { Bytes } from './wasm.ts';

export const UNREACHABLE = 0x00;
export const EMPTY = 0x40;
/** Zero in more bytes than it needs, so that an index taken for a byte shows. */
const ZERO: Bytes = [0x80, 0];
/** What follows an opcode of each kind; a memory's number is the one index that must be a single byte. */
export const IMMEDIATES: Readonly<Record<Immediate, Bytes>> = {
  none: [],
  block: [EMPTY],
  label: ZERO,
  labels: [1, ...ZERO, ...ZERO],
  function: [0x81, 0],
  'call-indirect': [...ZERO, ...ZERO],
  local: ZERO,
  global: ZERO,
  table: ZERO,
  access: [0, 0x80, 1],
  'lane-access': [0, 0x80, 1, 0],
  memory: [0],
  'memory-init': [...ZERO, 0],
  'memory-copy': [0, 0],
  i32: [0x80, 0x7f],
  i64: [0x80, 0x80, 0x7f],
  'bytes-4': [1, 2, 3, 4],
  'bytes-8': [1, 2, 3, 4, 5, 6, 7, 8],
  'bytes-16': [1, 2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 255, 255, 255, 255, 255],
  shuffle: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 31],
  lane: [0],
  'reference-type': [FUNCREF],
  'value-types': [1, I32],
};
const PREFIXES: readonly (readonly [prefix: number, count: number])[] = [
  [0xfb, 0x40],
  [0xfc, 0x40],
  [0xfd, 0x200],
  [0xfe, 0x60],
];

/** Every opcode there might be. */
export const OPCODES: readonly Bytes[] = [
  ...Array.from({ length: 256 }, (_, opcode): Bytes => [opcode]).filter(
    ([opcode]) => !PREFIXES.some(([prefix]) => prefix === opcode),
  ),
  ...PREFIXES.flatMap(([prefix, count]) =>
    Array.from({ length: count }, (_, number): Bytes => [prefix, ...u32(number)]),
  ),
];

/** What our table makes of an opcode: the kind of its immediate, or why it is refused. */
export function readBytes(bytes: Bytes): { kind?: Immediate; refusal?: string; atEnd: boolean } {
  const reader = createBinaryReader(Uint8Array.from(bytes));
  const instruction = createInstruction();
  readInstruction(reader, instruction);
  if (reader.fault === undefined) return { kind: instruction.immediate, atEnd: reader.atEnd };
  return { refusal: reader.fault.message, atEnd: true };
}

export function isAdmitted(opcode: Bytes): boolean {
  return !/instruction 0x|would make state/.test(readBytes(opcode).refusal ?? '');
}

/** Code that V8 accepts exactly when the instruction is one: behind `unreachable` operands have any type. */
export function around(opcode: Bytes, immediate: Bytes): Bytes {
  const [first] = opcode;
  const opens = first === 0x02 || first === 0x03 || first === 0x04 || first === 0x06 || first === 0x1f;
  const closes = first === 0x05 || first === 0x07 || first === 0x19;
  const before = first === 0x05 ? [0x04, EMPTY] : closes ? [0x06, EMPTY] : first === END ? [0x02, EMPTY] : [];
  const after = opens || closes ? [END] : [];
  return [UNREACHABLE, ...before, ...opcode, ...immediate, ...after, UNREACHABLE, END];
}

/** The immediate that an admitted opcode takes. */
export function immediateOf(opcode: Bytes): Bytes | undefined {
  const fitting = Object.entries(IMMEDIATES).find(
    ([kind, immediate]) => readBytes([...opcode, ...immediate]).kind === kind,
  );
  return fitting?.[1];
}
