import type { Random } from '../../../../executor/kernel-simulated/random.ts';
import { createBinaryReader } from '../../../../runtime/policy/parse/binary-reader.ts';
import { createInstruction, readInstruction } from '../../../../runtime/policy/parse/instructions.ts';
import type { Immediate } from '../../../../runtime/policy/parse/instructions.ts';
import { signed } from '../../../../runtime/policy/meter/encode.ts';
import { concatenate, leb128, section, sectionsOf, withSections } from './bytes.ts';
import type { Bytes, Section } from './bytes.ts';

const CODE = 10;
const CORE_MODULE = 1;
/** Where numbers, lengths and opcodes change their meaning. */
const TELLING = [0, 1, 0x0b, 0x40, 0x7f, 0x80, 0xff];
const EDGES = [0n, 1n, -1n, 8n, 65_535n, 65_536n, 0x7fff_ffffn, -0x8000_0000n];

/** Instructions of one type each, so that one in place of the other is as valid. */
const KIN = [
  ...[range(0x46, 0x4f), range(0x51, 0x5a), range(0x5b, 0x60), range(0x61, 0x66)],
  ...[range(0x67, 0x69), range(0x6a, 0x78), range(0x79, 0x7b), range(0x7c, 0x8a)],
  ...[range(0x8b, 0x91), range(0x92, 0x98), range(0x99, 0x9f), range(0xa0, 0xa6)],
  ...[[0x28, 0x2c, 0x2d, 0x2e, 0x2f], range(0x30, 0x35), [0x36, 0x3a, 0x3b], range(0x3c, 0x3e)],
];
const KIN_OF: ReadonlyMap<number, readonly number[]> = new Map(
  KIN.flatMap((kin) => kin.map((opcode): [number, readonly number[]] => [opcode, kin])),
);

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** A component with something changed: anywhere, in one section with its length made good, or in its code. */
export function mutate(random: Random, component: Uint8Array): Uint8Array {
  const chance = random();
  if (chance < 0.1) return changeBytes(random, component);
  if (chance < 0.2) return changeSections(random, component);
  return withSections(component, (sections) => {
    const main = sections.findIndex(({ id }) => id === CORE_MODULE);
    return sections.with(main, { id: CORE_MODULE, payload: mutateCore(random, sections[main]!.payload) });
  });
}

function mutateCore(random: Random, core: Uint8Array): Uint8Array {
  const chance = random();
  if (chance < 0.15) return changeBytes(random, core);
  if (chance < 0.3) return changeSections(random, core);
  let changed = core;
  for (let left = 1 + below(random, 3); left > 0; left--)
    changed = withSections(changed, (sections) =>
      sections.map((entry) =>
        entry.id === CODE ? { id: CODE, payload: changeCode(random, entry.payload) } : entry,
      ),
    );
  return changed;
}

function below(random: Random, count: number): number {
  return Math.floor(random() * count);
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)]!;
}

function changeBytes(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = below(random, bytes.length);
  const length = 1 + below(random, 8);
  const from = below(random, bytes.length);
  const changes: readonly (() => Uint8Array)[] = [
    () => bytes.with(at, bytes[at]! ^ (1 << below(random, 8))),
    () => bytes.with(at, pick(random, TELLING)),
    () => bytes.with(at, below(random, 256)),
    () => concatenate(bytes.subarray(0, at), bytes.subarray(at + length)),
    () => concatenate(bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at)),
    () =>
      concatenate(bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at + length)),
    () => bytes.subarray(0, at),
  ];
  return pick(random, changes)();
}

/** One section changed, left out, doubled or moved; the lengths of all are right. */
function changeSections(random: Random, binary: Uint8Array): Uint8Array {
  const at = below(random, sectionsOf(binary).length);
  const changes: readonly ((sections: readonly Section[]) => readonly (Section | Uint8Array)[])[] = [
    (all) => all.with(at, { id: all[at]!.id, payload: changeBytes(random, all[at]!.payload) }),
    (all) => all.with(at, { id: all[at]!.id, payload: changeBytes(random, all[at]!.payload) }),
    (all) => all.toSpliced(at, 1),
    (all) => all.toSpliced(at, 0, all[at]!),
    (all) => all.toSpliced(at, 1).toSpliced(below(random, all.length), 0, all[at]!),
    (all) =>
      all.map((entry, i) => (i === at ? section(entry.id, entry.payload, below(random, 5) - 2) : entry)),
  ];
  return withSections(binary, pick(random, changes));
}

/** One instruction of one function changed; the lengths around it are right. */
function changeCode(random: Random, payload: Uint8Array): Uint8Array {
  const reader = createBinaryReader(payload);
  const bodies = Array.from({ length: reader.count() }, () => reader.take(reader.u32()));
  if (reader.fault !== undefined || bodies.length === 0) return payload;
  const at = below(random, bodies.length);
  const other = pick(random, bodies);
  const changed = random() < 0.02 ? other : changeInstruction(random, bodies[at]!);
  const sized = bodies.with(at, changed).map((body) => concatenate(leb128(body.length), body));
  return concatenate(leb128(bodies.length), ...sized);
}

interface Place {
  readonly opcode: number;
  readonly immediate: Immediate;
  readonly index: number;
  readonly start: number;
  /** Where its immediates begin. */
  readonly operands: number;
  readonly end: number;
}

function changeInstruction(random: Random, body: Uint8Array): Uint8Array {
  const places = placesOf(body);
  if (places.length === 0) return changeBytes(random, body);
  const place = pick(random, places);
  const { start, operands, end } = place;
  const put = (...bytes: readonly Bytes[]): Uint8Array =>
    concatenate(body.subarray(0, start), ...bytes, body.subarray(end));
  const chance = random();
  if (chance < 0.02) return put();
  if (chance < 0.04) return put(body.subarray(start, end), body.subarray(start, end));
  const kin = KIN_OF.get(place.opcode);
  if (kin !== undefined) return put([pick(random, kin)], body.subarray(operands, end));
  const immediates = otherImmediates(random, place);
  return immediates === undefined
    ? changeBytes(random, body)
    : put(body.subarray(start, operands), immediates);
}

function otherImmediates(random: Random, { immediate, index }: Place): Bytes | undefined {
  if (immediate === 'i32') return signed(BigInt.asIntN(32, pick(random, EDGES) + BigInt(below(random, 3))));
  if (immediate === 'i64') return signed(pick(random, EDGES) << BigInt(below(random, 32)));
  if (immediate === 'access') return [index & 3, ...leb128(pick(random, [0, 4, 65_535, 0xffff_ffff]))];
  const named: readonly Immediate[] = ['label', 'function', 'local', 'global'];
  return named.includes(immediate) ? leb128(Math.max(0, index + below(random, 7) - 3)) : undefined;
}

/** Where each instruction of a body lies. */
function placesOf(body: Uint8Array): Place[] {
  const reader = createBinaryReader(body);
  for (let left = reader.count(); left > 0; left--) {
    reader.u32();
    reader.byte();
  }
  const places: Place[] = [];
  const instruction = createInstruction();
  while (!reader.atEnd) {
    readInstruction(reader, instruction);
    const { opcode, immediate, index, offset: start } = instruction;
    places.push({
      opcode,
      immediate,
      index,
      start,
      operands: start + (opcode > 0xff ? 2 : 1),
      end: reader.offset,
    });
  }
  return reader.fault === undefined ? places : [];
}
