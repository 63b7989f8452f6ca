import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BTF_KIND, parseBtf, type Btf } from '../../../executor/linux/bpf/btf.ts';
import { describeFunctions, FUNCTION_TYPES } from '../../../executor/linux/bpf/function-types.ts';
import { readKernelLayout } from '../../../executor/linux/bpf/kernel-layout.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';

/** BTF of types given as words, each name as an index into `names`. */
function encode(names: readonly string[], types: readonly (readonly (number | string)[])[]): Uint8Array {
  const strings = Buffer.from(`\0${names.map((name) => `${name}\0`).join('')}`);
  const nameAt = (name: string): number => (name === '' ? 0 : strings.indexOf(`\0${name}\0`) + 1);
  const words = Uint32Array.from(types.flat(), (word) => (typeof word === 'string' ? nameAt(word) : word));
  const header = Uint32Array.of(0x0001_eb9f, 24, 0, words.byteLength, words.byteLength, strings.length);
  return Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(words.buffer), strings]);
}

function parse(bytes: Uint8Array): Btf {
  const parsed = parseBtf(bytes);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

const kind = (of: number, parts = 0): number => (of << 24) | parts;
const BIT_FIELDS = 0x8000_0000;

/** struct outer { long a; union { long b; struct inner c; }; int bit : 3; }, inner behind a typedef; an enum. */
const sample = encode(
  ['long', 'outer', 'a', 'b', 'c', 'inner', 'deep', 'bit', 'colour', 'red', 'go', 'alias'],
  [
    ['long', kind(BTF_KIND.int), 8, 64],
    ['inner', kind(BTF_KIND.struct, 1), 16, 'deep', 1, 64],
    ['alias', kind(BTF_KIND.typedef), 2],
    ['', kind(BTF_KIND.union, 2), 16, 'b', 1, 0, 'c', 3, 0],
    [
      'outer',
      (kind(BTF_KIND.struct, 3) | BIT_FIELDS) >>> 0,
      32,
      'a',
      1,
      0,
      '',
      4,
      64,
      'bit',
      1,
      (3 << 24) | 192,
    ],
    ['colour', kind(BTF_KIND.enum, 1), 4, 'red', 7],
    ['go', kind(BTF_KIND.function), 1],
    ['inner', kind(BTF_KIND.struct), 0],
  ],
);

describe('BTF', () => {
  const btf = parse(sample);

  test('knows members by path, through unions without names and typedefs', () => {
    expect(btf.offsetOf('outer', 'a')).toBe(0);
    expect(btf.offsetOf('outer', 'b')).toBe(8);
    expect(btf.offsetOf('outer', 'c', 'deep')).toBe(16);
    expect([btf.sizeOf('outer'), btf.enumValue('colour', 'red'), btf.find(BTF_KIND.function, 'go')]).toEqual([
      32, 7, 7,
    ]);
  });

  test('has no place for bit fields, for what is missing and for members of numbers', () => {
    const paths = [
      ['outer', 'bit'],
      ['outer', 'd'],
      ['nobody', 'a'],
      ['outer', 'a', 'deep'],
      ['out', 'a'],
    ] as const;
    for (const [struct, ...path] of paths) expect(btf.offsetOf(struct, ...path)).toBeUndefined();
    expect(btf.enumValue('colour', 'green')).toBeUndefined();
  });

  test('takes the structure that has members, not one announced', () => {
    expect(btf.find(BTF_KIND.struct, 'inner')).toBe(2);
  });

  test('a kernel without what the walk reads is unfit, by name', () => {
    expect(readKernelLayout(btf)).toMatchObject({ ok: false, code: 'kernel-unfit' });
  });

  test('cut short anywhere is malformed or at least harmless', () => {
    for (let end = 0; end < sample.length; end++) {
      const parsed = parseBtf(sample.subarray(0, end));
      if (end < sample.length - 60) expect(parsed).toMatchObject({ ok: false, code: 'btf-malformed' });
    }
  });

  test('circles end', () => {
    const circle = encode(
      ['s', 'm'],
      [
        ['s', kind(BTF_KIND.struct, 2), 8, '', 1, 0, '', 1, 0],
        ['', kind(BTF_KIND.typedef), 3],
        ['', kind(BTF_KIND.const), 2],
        ['m', kind(BTF_KIND.struct, 1), 8, 'm', 2, 0],
      ],
    );
    expect(parse(circle).offsetOf('s', 'm')).toBeUndefined();
    expect(parse(circle).offsetOf('m', 'm', 'm')).toBeUndefined();
  });

  test('any bytes give a result', () => {
    const ask = (bytes: Uint8Array): void => {
      const parsed = parseBtf(bytes);
      if (!parsed.ok) return;
      parsed.value.offsetOf('outer', 'c', 'deep');
      parsed.value.enumValue('colour', 'red');
      parsed.value.sizeOf('inner');
    };
    const edits = fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), ask));
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = Uint8Array.from(sample);
        for (const [at, value] of changes) bytes[at] = value;
        ask(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads what we write ourselves', () => {
    const own = parse(describeFunctions());
    expect(own.find(BTF_KIND.function, 'main')).toBe(FUNCTION_TYPES.main);
    expect(own.find(BTF_KIND.function, 'step')).toBe(FUNCTION_TYPES.step);
  });

  test.skipIf(!existsSync(VMLINUX))('of this kernel: list_head and task_struct are as ever', () => {
    const running = parse(readFileSync(VMLINUX));
    expect(running.offsetOf('list_head', 'next')).toBe(0);
    expect(running.offsetOf('list_head', 'prev')).toBe(8);
    expect(running.sizeOf('list_head')).toBe(16);
    const [pid = 0, tgid = 0] = ['pid', 'tgid'].map((name) => running.offsetOf('task_struct', name));
    expect(tgid - pid).toBe(4);
  });
});
