import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { VERDICT } from '../executor/verdict.ts';
import { COLUMNS } from '../runtime/contract.ts';

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

describe('docs', () => {
  test('every verdict is listed with its number, and no other', () => {
    const rows = [...read('docs/verdicts.md').matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)];
    expect(Object.fromEntries(rows.map(([, id, name]) => [name, Number(id)]))).toEqual(VERDICT);
  });

  test('the WIT lists every column with its number', () => {
    const rows = [
      ...read('policies/wit/policy.wit').matchAll(
        /^ {2}\/\/\/ +(\d+) ([a-z-]+) +(bytes|shorts|words|floats) /gm,
      ),
    ];
    const columns = rows.map(([, id, name, kind]) => [
      name.replace(/-(.)/g, (_, c: string) => c.toUpperCase()),
      { id: Number(id), kind },
    ]);
    expect(Object.fromEntries(columns)).toEqual(COLUMNS);
  });

  test('the manifest page names every column', () => {
    const page = read('docs/manifest.md');
    for (const name of Object.keys(COLUMNS)) expect(page).toContain(`\`${name}\``);
  });
});
