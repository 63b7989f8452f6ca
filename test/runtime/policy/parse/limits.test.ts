import { expect, test } from 'vitest';
import * as limits from '../../../../runtime/limits.ts';
import { createShapeTable } from '../../../../runtime/policy/parse/component-types.ts';
import { readComponent } from '../../../../runtime/policy/parse/component.ts';
import { readCoreModule } from '../../../../runtime/policy/parse/core-module.ts';
import {
  END,
  FUNCREF,
  I32,
  PLAIN,
  S,
  body,
  isValid,
  moduleOf,
  name,
  repeat,
  section,
  u32,
  vector,
} from './wasm.ts';
import type { Bytes } from './wasm.ts';

const ZERO: Bytes = [0x41, 0, END];
const types = section(S.type, vector(PLAIN));
const memory = section(S.memory, vector([0, 1]));
const table = section(S.table, vector([FUNCREF, 0, 1]));
const functions = (count: number): Bytes[] => [types, section(S.function, repeat(count, [0]))];
const code = (bytes: Bytes): Bytes => section(S.code, vector(bytes));
const zeros = (count: number): Bytes => Array.from({ length: count }, () => 0);
const nops = (count: number): Bytes => Array.from({ length: count }, () => 0x01);

/** For each limit, a module that uses so much of what it limits and nothing else. */
const OF_MODULES: readonly (readonly [
  limit: keyof typeof limits,
  where: string,
  module: (count: number) => readonly Bytes[],
])[] = [
  ['functionTypesMax', 'type section', (count) => [section(S.type, repeat(count, PLAIN))]],
  ['typeValuesMax', 'type section', (count) => [section(S.type, vector([0x60, ...repeat(count, [I32]), 0]))]],
  ['typeValuesMax', 'type section', (count) => [section(S.type, vector([0x60, 0, ...repeat(count, [I32])]))]],
  [
    'importsMax',
    'import section',
    (count) => [types, section(S.import, repeat(count, [...name('m'), ...name('f'), 0, 0]))],
  ],
  [
    'functionsMax',
    'function section',
    (count) => [...functions(count), section(S.code, repeat(count, body([END])))],
  ],
  ['tableElementsMax', 'table section', (count) => [section(S.table, vector([FUNCREF, 0, ...u32(count)]))]],
  ['globalsMax', 'global section', (count) => [section(S.global, repeat(count, [I32, 0, ...ZERO]))]],
  [
    'exportsMax',
    'export section',
    (count) => [
      memory,
      section(S.export, vector(...Array.from({ length: count }, (_, i) => [...name(`m${i}`), 2, 0]))),
    ],
  ],
  [
    'elementSegmentsMax',
    'element section',
    (count) => [table, section(S.element, repeat(count, [0, ...ZERO, 0]))],
  ],
  [
    'tableElementsMax',
    'element section',
    (count) => [
      ...functions(1),
      section(S.element, vector([1, 0, ...repeat(count - 1, [0])], [1, 0, 1, 0])),
      code(body([END])),
    ],
  ],
  ['functionBytesMax', 'code section', (count) => [...functions(1), code(body([...nops(count - 2), END]))]],
  [
    'localsMax',
    'code section, function 0',
    (count) => [...functions(1), code(body([END], [2, ...u32(count - 1), I32, 1, I32]))],
  ],
  [
    'localsMax',
    'code section, function 0',
    (count) => [
      section(S.type, vector([0x60, 2, I32, I32, 0])),
      section(S.function, vector([0])),
      code(body([END], [1, ...u32(count - 2), I32])),
    ],
  ],
  [
    'blockDepthMax',
    'code section, function 0',
    (count) => [
      ...functions(1),
      code(
        body([
          ...Array.from({ length: count - 1 }, () => [0x02, 0x40]).flat(),
          ...Array.from({ length: count }, () => END),
        ]),
      ),
    ],
  ],
  ['dataSegmentsMax', 'data section', (count) => [section(S.data, repeat(count, [1, 0]))]],
  [
    'dataBytesMax',
    'data section',
    (count) => [section(S.data, vector([1, ...u32(count - 1), ...zeros(count - 1)], [1, 1, 0]))],
  ],
  ['customSectionsMax', '', (count) => Array.from({ length: count }, () => section(S.custom, [0]))],
];

test.each(OF_MODULES)('%s: so much and no more, told in the %s', (limit, where, sectionsOf) => {
  const max = limits[limit];
  const most = moduleOf(...sectionsOf(max));
  expect(readCoreModule(most)).toMatchObject({ ok: true });
  expect(isValid(most)).toBe(true);
  const answer = readCoreModule(moduleOf(...sectionsOf(max + 1)));
  expect(answer).toMatchObject({ code: 'module-forbidden' });
  expect(!answer.ok && answer.message).toContain(String(max));
  expect(!answer.ok && answer.message).toMatch(
    new RegExp(`\\(${where}${where === '' ? '' : ', '}byte 0x[0-9a-f]+ of the core module\\)$`),
  );
});

test('functionsMax holds for bodies too', () => {
  const bodies = section(S.code, repeat(limits.functionsMax + 1, body([END])));
  expect(readCoreModule(moduleOf(...functions(limits.functionsMax), bodies))).toMatchObject({
    code: 'module-forbidden',
  });
});

test('locals that overflow 32 bits together are too many, not few', () => {
  const locals = [3, ...u32(0xffff_ffff), I32, ...u32(0xffff_ffff), I32, 2, I32];
  expect(readCoreModule(moduleOf(...functions(1), code(body([END], locals))))).toMatchObject({
    code: 'module-forbidden',
  });
});

test('componentItemsMax: so much and no more', () => {
  const U8 = 0x7d;
  const componentOf = (count: number): Uint8Array =>
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...section(7, repeat(count, [0x70, U8]))]);
  const read = (count: number) => readComponent(componentOf(count), createShapeTable());
  expect(read(limits.componentItemsMax)).toMatchObject({ code: 'world-mismatch' });
  expect(read(limits.componentItemsMax + 1)).toMatchObject({
    code: 'component-malformed',
    message: `the component's type section has 1001 items; 1000 are allowed (component's type section, byte 0xb of the component)`,
  });
});

test('componentSectionsMax: so much and no more', () => {
  const componentOf = (count: number): Uint8Array =>
    Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0, ...zeros(2 * count)]);
  const read = (count: number) => readComponent(componentOf(count), createShapeTable());
  expect(read(limits.componentSectionsMax)).toMatchObject({ code: 'world-mismatch' });
  expect(read(limits.componentSectionsMax + 1)).toMatchObject({
    code: 'component-malformed',
    message: expect.stringContaining('more than 200 sections: build it with wit-component (byte 0x198 of'),
  });
});
