import { describe, expect, test } from 'vitest';
import { FORBIDDEN, INVALID, ZERO, globalOf, memory, oneFunction, refuse } from './refuse.ts';
import { END, I32, S, isValid, moduleAround, moduleOf, section, vector } from './wasm.ts';
import type { Bytes } from './wasm.ts';

const CONSTANTS: readonly [string, Bytes, string, string][] = [
  ['a later global', [0x23, 0], INVALID, 'global 0; there is none'],
  ['a function that is not there', [0xd2, 0], INVALID, 'function 0; there is none'],
  ['a load', [0x41, 0, 0x28, 2, 0], INVALID, 'only a function may'],
  ['a division', [0x41, 0, 0x41, 0, 0x6d], INVALID, 'only a function may'],
  ['a block', [0x02, I32, 0x41, 0, END], INVALID, 'only a function may'],
  ['a call', [0x10, 0], INVALID, 'only a function may'],
  ['a new structure', [0xfb, 0, 0], FORBIDDEN, 'garbage collection'],
];

describe('constant expressions', () => {
  test.each(CONSTANTS)('%s', (_, value, code, says) => {
    const module = moduleOf(globalOf(I32, 0, value));
    refuse(module, code, says, 'global section, ');
    expect(isValid(module)).toBe(false);
  });

  test('a mutable global, and one without end', () => {
    const globals = vector([I32, 1, ...ZERO], [I32, 0, 0x23, 0, END]);
    refuse(moduleOf(section(S.global, globals)), INVALID, 'reads a mutable global', 'global section, ');
    refuse(moduleOf(section(S.global, [1, I32, 0, 0x41, 0])), INVALID, 'has no end', 'global section, ');
  });
});

const IN_BODY = 'code section, function 1, ';
const BODIES: readonly [string, Bytes, string, string][] = [
  ['a type of a block', [0x02, 3, END, END], INVALID, 'type 3; the last is 2'],
  ['a label', [0x02, 0x40, 0x0c, 2, END, END], INVALID, 'label 2; the last is 1'],
  ['one of a table of labels', [0x41, 0, 0x0e, 1, 1, 0, END], INVALID, 'label 1; the last is 0'],
  ['the default label', [0x41, 0, 0x0e, 1, 0, 1, END], INVALID, 'label 1'],
  ['a function', [0x10, 2, END], INVALID, 'function 2; the last is 1'],
  ['a function as a value', [0xd2, 2, 0x1a, END], INVALID, 'function 2'],
  ['the type of an indirect call', [0x41, 0, 0x11, 3, 0, END], INVALID, 'type 3'],
  ['the table of an indirect call', [0x41, 0, 0x11, 0, 1, END], INVALID, 'table 1'],
  ['a local', [0x20, 4, 0x1a, END], INVALID, 'local 4; the last is 3'],
  ['a global', [0x23, 2, 0x1a, END], INVALID, 'global 2; the last is 1'],
  ['a global to write', [0x41, 0, 0x24, 2, END], INVALID, 'global 2'],
  ['a constant global to write', [0x41, 0, 0x24, 1, END], INVALID, 'global that is constant'],
  ['a select of two types', [0x00, 0x1c, 2, I32, I32, 0x1a, END], INVALID, 'other than one type'],
  ['a table', [0x41, 0, 0x25, 1, 0x1a, END], INVALID, 'table 1'],
  ['a data segment', [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 1, 0, END], INVALID, 'data segment 1'],
  ['an else without an if', [0x02, 0x40, 0x05, END, END], INVALID, 'belongs to no if'],
  ['an else at the top', [0x05, END], INVALID, 'belongs to no if'],
  ['two elses', [0x41, 0, 0x04, 0x40, 0x05, 0x05, END, END], INVALID, 'belongs to no if'],
  ['a block that stays open', [0x02, 0x40, END], INVALID, 'ends within a block'],
  ['no end', [0x01], INVALID, 'ends within a block'],
  ['nothing', [], INVALID, 'ends too early'],
  ['code behind the end', [END, 0x01, END], INVALID, 'goes on behind its end'],
  ['half an instruction', [0x41], INVALID, 'ends too early'],
  [
    'a constant of too many bytes',
    [0x41, 128, 128, 128, 128, 128, 0, 0x1a, END],
    INVALID,
    'longer than 5 bytes',
  ],
  [
    'a constant whose last byte does not repeat its sign',
    [0x41, 236, 255, 255, 255, 0x0b, 0x1a, END],
    INVALID,
    'longer than 32 bits',
  ],
  [
    'a long constant whose last byte does not',
    [0x42, ...Array<number>(9).fill(128), 2, 0x1a, END],
    INVALID,
    'longer than 64 bits',
  ],
  [
    'a block type whose last byte does not',
    [0x02, 192, 255, 255, 255, 0x2f, END, END],
    INVALID,
    'longer than 33 bits',
  ],
  ['an instruction that is refused', [0x12, 0, END], FORBIDDEN, 'tail calls'],
  ['a lane that is not there', [0x00, 0xfd, 29, 2, 0x00, END], INVALID, 'lane 2'],
];

describe('function bodies', () => {
  test.each(BODIES)('%s', (_, code, kind, says) => {
    const module = moduleAround(code, [2, 1, I32, 2, 0x7e]);
    refuse(module, kind, says, IN_BODY);
    if (kind === INVALID) expect(isValid(module)).toBe(false);
  });

  test.each<[string, Bytes, string]>([
    ['an unknown type', [1, 1, 0x42], 'value type 0x42'],
    ['a typed reference', [1, 1, 0x63, 0], 'value type 0x63'],
  ])('locals of %s', (_, locals, says) => {
    refuse(moduleAround([END], locals), FORBIDDEN, says, IN_BODY);
  });

  test('memory without one', () => {
    const bodyOf = (...code: number[]): Uint8Array =>
      moduleOf(...oneFunction, section(S.code, vector([code.length + 2, 0, ...code, END])));
    for (const code of [
      [0x3f, 0, 0x1a],
      [0x41, 0, 0x28, 2, 0, 0x1a],
      [0x00, 0xfc, 11, 0],
    ])
      refuse(bodyOf(...code), INVALID, 'memory 0; there is none', 'code section, function 0, ');
  });

  test('a data segment without a data count section', () => {
    const sections = [
      memory,
      section(S.code, vector([12, 0, 0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 8, 0, 0, END])),
    ];
    const module = moduleOf(...oneFunction, ...sections, section(S.data, vector([1, 0])));
    refuse(module, INVALID, 'data segment 0; there is none', 'code section, function 0, ');
    expect(isValid(module)).toBe(false);
  });
});
