import { describe, expect, test } from 'vitest';
import {
  FORBIDDEN,
  INVALID,
  ZERO,
  exportOf,
  globalOf,
  memory,
  oneFunction,
  refuse,
  table,
  types,
} from './refuse.ts';
import { END, EXTERNREF, FUNCREF, I32, PLAIN, S, isValid, moduleOf, name, section, vector } from './wasm.ts';
import type { Bytes } from './wasm.ts';

const imported = (module: string, text: string, ...description: number[]): Bytes[] => [
  types,
  section(S.import, vector([...name(module), ...name(text), ...description])),
];
const DECLARED: readonly [string, Bytes[], string, string, string][] = [
  [
    'a structure',
    [section(S.type, vector([0x5f, 0]))],
    FORBIDDEN,
    'no plain function type',
    'type section, ',
  ],
  [
    'an array',
    [section(S.type, vector([0x5e, I32, 0]))],
    FORBIDDEN,
    'no plain function type',
    'type section, ',
  ],
  [
    'a recursive group',
    [section(S.type, vector([0x4e, 1, ...PLAIN]))],
    FORBIDDEN,
    'no plain function type',
    'type section, ',
  ],
  [
    'a typed reference',
    [section(S.type, vector([0x60, 1, 0x64, 0x70, 0]))],
    FORBIDDEN,
    'value type 0x64',
    'type section, ',
  ],
  [
    'any reference',
    [section(S.type, vector([0x60, 1, 0x6e, 0]))],
    FORBIDDEN,
    'value type 0x6e',
    'type section, ',
  ],
  [
    'a type nobody knows',
    [section(S.type, vector([0x60, 1, 0x42, 0]))],
    FORBIDDEN,
    'value type 0x42',
    'type section, ',
  ],
  [
    'an import of a table',
    imported('m', 't', 1, FUNCREF, 0, 1),
    'import-forbidden',
    '"m t", which is no function',
    'import section, ',
  ],
  [
    'an import of a memory',
    imported('m', 'm', 2, 0, 1),
    'import-forbidden',
    'no function',
    'import section, ',
  ],
  [
    'an import of a global',
    imported('m', 'g', 3, I32, 0),
    'import-forbidden',
    'no function',
    'import section, ',
  ],
  ['an import of a tag', imported('m', 'e', 4, 0, 0), 'import-forbidden', 'no function', 'import section, '],
  [
    'an import of a type that is not there',
    imported('m', 'f', 0, 1),
    INVALID,
    'type 1; the last is 0',
    'import section, ',
  ],
  [
    'an import of WASI',
    imported('wasi_snapshot_preview1', 'fd_write', 0, 0),
    'import-forbidden',
    'needs WASI, as JavaScript engines',
    'import section, ',
  ],
  [
    'an import of WASI, lowered',
    imported('wasi:cli/exit@0.2.0', 'exit', 0, 0),
    'import-forbidden',
    'needs WASI',
    'import section, ',
  ],
  [
    'a function of no type',
    [section(S.function, [1, 0])],
    INVALID,
    'type 0; there is none',
    'function section, ',
  ],
  [
    'a shared memory',
    [section(S.memory, vector([3, 1, 2]))],
    FORBIDDEN,
    'shared, 64-bit',
    'memory section, ',
  ],
  ['a 64-bit memory', [section(S.memory, vector([4, 1]))], FORBIDDEN, 'shared, 64-bit', 'memory section, '],
  [
    'a memory of another page size',
    [section(S.memory, vector([8, 1, 0]))],
    FORBIDDEN,
    'odd page size',
    'memory section, ',
  ],
  [
    'two memories',
    [section(S.memory, vector([0, 1], [0, 1]))],
    FORBIDDEN,
    '2 memories; one is',
    'memory section, ',
  ],
  [
    'two tables',
    [section(S.table, vector([FUNCREF, 0, 1], [FUNCREF, 0, 1]))],
    FORBIDDEN,
    '2 tables; one is',
    'table section, ',
  ],
  [
    'a 64-bit table',
    [section(S.table, vector([FUNCREF, 4, 1]))],
    FORBIDDEN,
    'shared, 64-bit',
    'table section, ',
  ],
  [
    'a table of typed references',
    [section(S.table, vector([0x64, FUNCREF, 0, 1]))],
    FORBIDDEN,
    'value type 0x64',
    'table section, ',
  ],
  [
    'a table with an initial value',
    [section(S.table, vector([0x40, 0, FUNCREF, 0, 1, 0xd0, FUNCREF, END]))],
    FORBIDDEN,
    'value type 0x40',
    'table section, ',
  ],
  [
    'a global that holds changing references',
    [globalOf(FUNCREF, 1, [0xd0, FUNCREF])],
    FORBIDDEN,
    'no checkpoint could',
    'global section, ',
  ],
  [
    'one of external references',
    [globalOf(EXTERNREF, 1, [0xd0, EXTERNREF])],
    FORBIDDEN,
    'no checkpoint could',
    'global section, ',
  ],
  [
    'a shared global',
    [globalOf(I32, 2, [0x41, 0])],
    INVALID,
    'neither constant nor mutable',
    'global section, ',
  ],
];

describe('types, imports, tables, memories, globals', () => {
  test.each(DECLARED)('%s', (_, sections, code, says, where) => {
    refuse(moduleOf(...sections), code, says, where);
  });
});

const CONTENTS: readonly [string, Bytes[], string, string, string][] = [
  [
    'a function that is not there',
    [exportOf('f', 0, 0)],
    INVALID,
    'function 0; there is none',
    'export section, ',
  ],
  [
    'a table that is not there',
    [table, exportOf('t', 1, 1)],
    INVALID,
    'table 1; the last is 0',
    'export section, ',
  ],
  ['a memory that is not there', [exportOf('m', 2, 0)], INVALID, 'memory 0', 'export section, '],
  ['a global that is not there', [exportOf('g', 3, 0)], INVALID, 'global 0', 'export section, '],
  ['a tag', [exportOf('e', 4, 0)], FORBIDDEN, 'an exception tag', 'export section, '],
  ['something unknown', [exportOf('e', 5, 0)], INVALID, 'of an unknown kind', 'export section, '],
  [
    'a name twice',
    [memory, section(S.export, vector([1, 97, 2, 0], [1, 97, 2, 0]))],
    INVALID,
    'exports "a" twice',
    'export section, ',
  ],
  [
    "the meter's name for fuel",
    [memory, exportOf('terrace:fuel', 2, 0)],
    FORBIDDEN,
    '"terrace:fuel"',
    'export section, ',
  ],
  [
    "any name of the meter's",
    [memory, exportOf('terrace:', 2, 0)],
    FORBIDDEN,
    "are the meter's",
    'export section, ',
  ],
  [
    'a name that would steer a terminal',
    [exportOf('\u001b[2J\u0085\u2028\u202e', 0, 0), exportOf('a', 2, 0)],
    INVALID,
    '',
    'export section, ',
  ],
  [
    'elements without a table',
    [...oneFunction, section(S.element, vector([0, ...ZERO, 1, 0]))],
    INVALID,
    'table 0; there is none',
    'element section, ',
  ],
  [
    'elements of a second table',
    [table, section(S.element, vector([2, 1, ...ZERO, 0, 0]))],
    INVALID,
    'table 1',
    'element section, ',
  ],
  [
    'an element that is not there',
    [table, section(S.element, vector([0, ...ZERO, 1, 0]))],
    INVALID,
    'function 0',
    'element section, ',
  ],
  [
    'an expression that names none',
    [table, section(S.element, vector([4, ...ZERO, 1, 0xd2, 0, END]))],
    INVALID,
    'function 0',
    'element section, ',
  ],
  [
    'elements of a typed reference',
    [section(S.element, vector([5, 0x64, FUNCREF, 0]))],
    FORBIDDEN,
    'value type 0x64',
    'element section, ',
  ],
  [
    'elements of another kind',
    [section(S.element, vector([1, 1, 0]))],
    INVALID,
    'an unknown kind',
    'element section, ',
  ],
  [
    'segments of another kind',
    [section(S.element, vector([8, 0, 0]))],
    INVALID,
    'an unknown kind (8)',
    'element section, ',
  ],
  [
    'data without a memory',
    [section(S.data, vector([0, ...ZERO, 0]))],
    INVALID,
    'memory 0; there is none',
    'data section, ',
  ],
  [
    'data for a second memory',
    [memory, section(S.data, vector([2, 1, ...ZERO, 0]))],
    INVALID,
    'memory 1',
    'data section, ',
  ],
  [
    'data of another kind',
    [memory, section(S.data, vector([3, 0]))],
    INVALID,
    'an unknown kind (3)',
    'data section, ',
  ],
  [
    'data longer than its section',
    [section(S.data, vector([1, 9, 0]))],
    INVALID,
    'ends too early',
    'data section, ',
  ],
];

describe('exports, elements, data', () => {
  test.each(CONTENTS)('%s', (_, sections, code, says, where) => {
    const module = moduleOf(...sections);
    refuse(module, code, says, where);
    if (code === INVALID) expect(isValid(module)).toBe(false);
  });
});
