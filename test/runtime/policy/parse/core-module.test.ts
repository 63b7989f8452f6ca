import { describe, expect, test } from 'vitest';
import { readCoreModule } from '../../../../runtime/policy/parse/core-module.ts';
import {
  FORBIDDEN,
  INVALID,
  ZERO,
  code,
  globalOf,
  memory,
  oneFunction,
  refuse,
  table,
  types,
} from './refuse.ts';
import { END, EXTERNREF, FUNCREF, I32, S, isValid, moduleAround, moduleOf, section, vector } from './wasm.ts';
import type { Bytes } from './wasm.ts';

describe('what is known of a module', () => {
  test('its index spaces, imports first, and every section', () => {
    const answer = readCoreModule(moduleAround([END]));
    const log = { params: [], results: [], signature: '->' };
    expect(answer).toMatchObject({
      value: {
        types: [log, { params: [I32], results: [I32], signature: 'i32 -> i32' }, {}],
        functions: [log, { signature: 'i32 ->' }],
        tables: [{ minimum: 2, maximum: undefined }],
        memories: [{ minimum: 1, maximum: undefined }],
        globals: [
          { type: I32, mutable: true },
          { type: I32, mutable: false },
        ],
        dataCount: 1,
        imports: [{ module: '$root', name: 'log', signature: '->' }],
        customs: [{ name: 'note', bytes: Uint8Array.of(1, 2, 3) }],
      },
    });
    expect(isValid(moduleAround([END]))).toBe(true);
    expect(answer.ok && answer.value.exports.get('f')).toMatchObject({ kind: 0, index: 1 });
  });

  test.each<[string, Bytes[]]>([
    [
      'a global out of an earlier one',
      [section(S.global, vector([I32, 0, ...ZERO], [I32, 1, 0x23, 0, END]))],
    ],
    ['sums of constants', [globalOf(I32, 0, [0x41, 1, 0x41, 2, 0x6a])]],
    ['a vector', [globalOf(0x7b, 1, [0xfd, 12, ...Array.from({ length: 16 }, () => 9)])]],
    [
      'a reference that stays',
      [section(S.global, vector([FUNCREF, 0, 0xd0, FUNCREF, END], [EXTERNREF, 0, 0xd0, EXTERNREF, END]))],
    ],
    ['a function as a value', [...oneFunction, globalOf(FUNCREF, 0, [0xd2, 0]), code]],
    [
      'floats',
      [
        section(
          S.global,
          vector([0x7d, 0, 0x43, 0, 0, 192, 127, END], [0x7c, 0, 0x44, 0, 0, 0, 0, 0, 0, 248, 127, END]),
        ),
      ],
    ],
    ['active data', [memory, section(S.data, vector([0, ...ZERO, 1, 97], [2, 0, ...ZERO, 1, 97]))]],
    [
      'every kind of element segment',
      [
        ...oneFunction,
        table,
        section(
          S.element,
          vector(
            [0, ...ZERO, 1, 0],
            [1, 0, 1, 0],
            [2, 0, ...ZERO, 0, 1, 0],
            [3, 0, 1, 0],
            [4, ...ZERO, 1, 0xd2, 0, END],
            [5, FUNCREF, 1, 0xd0, FUNCREF, END],
            [6, 0, ...ZERO, FUNCREF, 0],
            [7, EXTERNREF, 1, 0xd0, EXTERNREF, END],
          ),
        ),
        code,
      ],
    ],
    ['a table of external references', [section(S.table, vector([EXTERNREF, 1, 1, 2]))]],
  ])('%s is admitted, and V8 agrees', (_, sections) => {
    const module = moduleOf(...sections);
    expect(readCoreModule(module)).toMatchObject({ ok: true });
    expect(isValid(module)).toBe(true);
  });
});

const SECTIONS: readonly [string, Bytes[], string, string, string][] = [
  ['a start section', [...oneFunction, section(S.start, [0]), code], FORBIDDEN, 'start section', ''],
  ['exception tags', [types, section(S.tag, [1, 0, 0])], FORBIDDEN, 'exception tags', ''],
  ['an unknown section', [section(42, [])], INVALID, 'unknown section (42)', ''],
  ['a section twice', [types, types], INVALID, 'out of order', ''],
  ['sections out of order', [section(S.function, [0]), types], INVALID, 'out of order', ''],
  [
    'a section longer than its items',
    [section(S.type, [0, 0])],
    INVALID,
    'longer than its items',
    'type section, ',
  ],
  ['a section longer than the file', [[S.type, 9, 0]], INVALID, 'ends too early', ''],
  [
    'a vector longer than its section',
    [section(S.type, [255, 255, 255, 255, 15])],
    INVALID,
    'vector longer',
    'type section, ',
  ],
  [
    'a number without end',
    [section(S.type, [255, 255, 255, 255, 255, 1])],
    INVALID,
    'longer than 32 bits',
    'type section, ',
  ],
  ['a name that is not UTF-8', [section(S.custom, [1, 255])], INVALID, 'not UTF-8', 'custom section, '],
  ['a function without a body', oneFunction, INVALID, 'as many bodies', ''],
  ['a body without a function', [code], INVALID, 'as many bodies', ''],
  [
    'more data than counted',
    [section(S.dataCount, [0]), section(S.data, vector([1, 0]))],
    INVALID,
    'as it counts',
    '',
  ],
  ['less data than counted', [section(S.dataCount, [1])], INVALID, 'as it counts', ''],
  [
    'a data count of two numbers',
    [section(S.dataCount, [0, 0])],
    INVALID,
    'more than a number',
    'data count section, ',
  ],
];

describe('sections that no policy may have', () => {
  test.each(SECTIONS)('%s', (_, sections, code, says, where) => {
    const module = moduleOf(...sections);
    refuse(module, code, says, where);
    if (code === INVALID) expect(isValid(module)).toBe(false);
  });

  test('none at all, and no header', () => {
    expect(readCoreModule(moduleOf())).toMatchObject({ ok: true });
    refuse(new Uint8Array(0), INVALID, 'no Wasm header', '');
    refuse(moduleOf().with(4, 2), INVALID, 'no Wasm header', '');
  });
});

describe('the place of a fault', () => {
  test('is the byte that is wrong, counted in the whole file', () => {
    const module = moduleAround([0x01, 0x10, 2, END]);
    const at =
      module.findIndex((byte, i) => byte === 0x01 && module[i + 1] === 0x10 && module[i + 2] === 2) + 1;
    expect(readCoreModule(module)).toMatchObject({
      message: `the core module names function 2; the last is 1 (code section, function 1, byte 0x${at.toString(16)} of the core module)`,
    });
    expect(readCoreModule(module, { whole: 'component', base: 0x1000 })).toMatchObject({
      message: expect.stringContaining(`byte 0x${(0x1000 + at).toString(16)} of the component)`),
    });
  });
});
