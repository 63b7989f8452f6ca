import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as limits from '../../../../runtime/limits.ts';
import { METER_PREFIX } from '../../../../runtime/policy/parse/core-format.ts';
import { OPCODES, readBytes } from './canonical.ts';
import { u32 } from './wasm.ts';

const root = join(import.meta.dirname, '../../../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const page = read('docs/admission.md');
const parser = globSync('runtime/policy/parse/*.ts', { cwd: root }).map(read).join('\n');

/** The cells of every table row whose first cell is code. */
const rowsOf = (markdown: string): string[][] =>
  markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

describe('the page about admission', () => {
  const section = (title: string): string => page.split(`\n## ${title}`)[1]?.split('\n## ')[0] ?? '';

  test('has a row for each code that the parser answers, and no other', () => {
    const codes = rowsOf(section('What is refused')).flatMap(
      ([first]) => /^`([a-z-]+)`$/.exec(first!)?.[1] ?? [],
    );
    const faults = /type LoadFault =([^;]*);/
      .exec(read('runtime/policy/policy.ts'))?.[1]
      .match(/[a-z]+(-[a-z]+)+/g);
    const answered = faults?.filter((fault) => parser.includes(`'${fault}'`));
    expect(codes.toSorted()).toEqual(answered?.toSorted());
  });

  test('gives every refused opcode to the family that its refusal names', () => {
    const rows = rowsOf(section('What is refused')).filter(([first]) => first!.startsWith('`0x'));
    const familyOf = (opcode: readonly number[]): string | undefined => {
      const refusal = readBytes(opcode).refusal ?? '';
      return /belongs to ([^(]+) \(/.exec(refusal)?.[1] ?? /^(\w+\.\w+) would make state/.exec(refusal)?.[1];
    };
    const listed = (opcode: readonly number[]): string | undefined =>
      rows.find(([ranges]) => ranges!.split(', ').some((range) => contains(range, opcode)))?.[1];
    let told = 0;
    for (const opcode of OPCODES.concat([[0xfb], [0xfe]])) {
      const family = familyOf(opcode);
      if (family === undefined) expect(listed(opcode), String(opcode)).toBeUndefined();
      else expect(listed(opcode), String(opcode)).toContain(family);
      if (family !== undefined) told++;
    }
    expect(told).toBeGreaterThan(60);
  });

  test("names the meter's prefix", () => expect(page).toContain(`\`${METER_PREFIX}\``));
});

describe('the page about limits', () => {
  const rows = rowsOf(read('docs/limits.md').split('\n## Policies')[1] ?? '');

  test('gives each limit of the parser its value', () => {
    const values = new Map(Object.entries(limits));
    for (const [name, value] of rows) expect(Number(value), name).toBe(values.get(name!.slice(1, -1)));
    const used = Object.keys(limits).filter((name) => new RegExp(`\\b${name}\\b`).test(parser));
    expect(used.length).toBeGreaterThan(15);
    expect(rows.map(([name]) => name)).toEqual(expect.arrayContaining(used.map((name) => `\`${name}\``)));
  });
});

/** Whether `0x06`–`0x0a`, or one opcode, takes in another; a prefix alone takes in all behind it. */
function contains(range: string, opcode: readonly number[]): boolean {
  const [first, last = first] = range.split('–').map((code) => code.match(/0x[0-9a-f]+/g)?.map(Number) ?? []);
  const [prefix, number] = first!;
  if (number === undefined) return opcode[0]! >= prefix! && opcode[0]! <= last![0]!;
  return Array.from({ length: last![1]! - number + 1 }, (_, i) => [prefix!, ...u32(number + i)]).some(
    (each) => each.join() === opcode.join(),
  );
}
