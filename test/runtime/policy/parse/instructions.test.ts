import { describe, expect, test } from 'vitest';
import {
  EMPTY,
  IMMEDIATES,
  OPCODES,
  UNREACHABLE,
  around,
  immediateOf,
  isAdmitted,
  readBytes as read,
} from './canonical.ts';
import { END, isValid, moduleAround } from './wasm.ts';
import type { Bytes } from './wasm.ts';

/** All that could follow an opcode we do not know, to learn whether V8 knows it. */
const GUESSES: readonly Bytes[] = [
  ...Object.values(IMMEDIATES),
  ...[[0], [1], [0, 0], [0, 0, 0], [2, 0], [0, 1], [0, EMPTY], [2, 0x80, 1], [3, 0, 0]],
];
describe('the table of opcodes', () => {
  const admitted = OPCODES.filter(isAdmitted);

  test('holds only what V8 accepts, with immediates of the same length', () => {
    expect(admitted.length).toBeGreaterThan(400);
    for (const opcode of admitted) {
      const label = opcode.map((byte) => byte.toString(16)).join(' ');
      const immediate = immediateOf(opcode);
      expect(immediate, label).toBeDefined();
      expect(read([...opcode, ...immediate!]), label).toMatchObject({ atEnd: true });
      expect(isValid(moduleAround(around(opcode, immediate!))), label).toBe(true);
    }
  });

  test('lacks nothing that V8 accepts but what is refused by name', () => {
    const refused = OPCODES.filter((opcode) => !isAdmitted(opcode));
    const known = refused.filter((opcode) =>
      GUESSES.some((immediate) => isValid(moduleAround(around(opcode, immediate)))),
    );
    expect(known.length).toBeGreaterThan(20);
    const nameless = known.filter(
      (opcode) => !/belongs to|would make state/.test(read(opcode).refusal ?? ''),
    );
    expect(nameless).toEqual([]);
  });

  test.each([
    ['tail calls', [0x12, 0], 'tail calls'],
    ['exceptions', [0x08, 0], 'exceptions'],
    ['garbage collection', [0xfb, 0x1c], 'garbage collection'],
    ['relaxed SIMD', [0xfd, 0x80, 2], 'relaxed SIMD'],
    ['threads', [0xfe, 0x10, 2, 0], 'threads'],
    ['table.grow', [0xfc, 0x0f, 0], 'table.grow would make state'],
    ['what nobody defined', [0xff], 'instruction 0xff is unknown'],
    ['a number behind the prefix that nobody defined', [0xfd, 0xff, 0xff, 0xff, 0xff, 15], 'unknown'],
  ])('says why not: %s', (_, code, reason) => {
    expect(read(code).refusal).toContain(reason);
  });
});

describe('immediates that V8 might read otherwise are refused, not guessed', () => {
  test.each([
    ['a select of a typed reference', [0x1c, 1, 0x64, 0], 'value type 0x64'],
    ['a select of a reference to a type', [0x1c, 1, 0x63, 0], 'value type 0x63'],
    ['a block of a typed reference', [0x02, 0x64, 0], 'value type 0x64'],
    ['a block type in more bytes than it needs', [0x02, 0xff, 0x7f], 'value type'],
    ['a null of another heap type', [0xd0, 0x6e], 'value type 0x6e'],
    ['a null of a defined type', [0xd0, 0], 'value type 0x0'],
    ['an access to a second memory', [0x28, 0x40, 1, 0], 'second memory'],
    ['the size of a second memory', [0x3f, 1], 'second memory'],
    ['a copy between memories', [0xfc, 0x0a, 0, 1], 'second memory'],
  ])('%s', (_, code, reason) => {
    expect(read(code).refusal).toContain(reason);
  });

  test.each([
    ['extract of i8x16', [0xfd, 21], 16],
    ['replace of i16x8', [0xfd, 26], 8],
    ['extract of i32x4', [0xfd, 27], 4],
    ['replace of i64x2', [0xfd, 30], 2],
    ['extract of f32x4', [0xfd, 31], 4],
    ['replace of f64x2', [0xfd, 34], 2],
    ['load of i8x16', [0xfd, 84, 0, 0], 16],
    ['store of i16x8', [0xfd, 89, 0, 0], 8],
    ['load of i32x4', [0xfd, 86, 0, 0], 4],
    ['store of i64x2', [0xfd, 91, 0, 0], 2],
  ])('lanes: %s', (_, code, lanes) => {
    for (const [lane, fits] of [
      [lanes - 1, true],
      [lanes, false],
    ] as const) {
      expect(read([...code, lane]).refusal === undefined).toBe(fits);
      expect(isValid(moduleAround([UNREACHABLE, ...code, lane, UNREACHABLE, END]))).toBe(fits);
    }
  });

  test('lanes of a shuffle', () => {
    const shuffle = (lane: number): Bytes => [0xfd, 13, ...Array.from({ length: 15 }, () => 0), lane];
    expect(read(shuffle(31)).kind).toBe('shuffle');
    expect(read(shuffle(32)).refusal).toContain('lane');
  });
});
