import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const folder = resolve(import.meta.dirname, '../../executor');
const text = readFileSync(join(folder, 'SYSCALLS.md'), 'utf8');

const read = (site: string) => readFileSync(join(folder, site), 'utf8');
const sites = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);

/** The rows of the table under a heading, cell by cell, backticks taken off. */
function rowsUnder(heading: string): string[][] {
  const section = text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
  );
}

const calls = rowsUnder('System calls').map(([name, number, site]) => ({
  name,
  number,
  site: site as string,
}));
const files = rowsUnder('Privileged files').map(([file, site]) => ({
  file: file as string,
  site: site as string,
}));

/** Every name in `libc.func('name'` with the numbers that `syscall` is given in that file, or has to be told. */
function declared(site: string) {
  const source = read(site);
  const names = [...source.matchAll(/\.func\(\s*'(\w+)'/g)].map((match) => match[1]);
  const numbers = [...source.matchAll(/const syscall\w+ = (\d+);|\(\s*syscallNumber: number/g)].map(
    (match) => match[1] ?? 'configured',
  );
  return { names, numbers };
}

describe('SYSCALLS.md', () => {
  test('lists every foreign function', () => {
    const made = sites.flatMap((site) => {
      const { names, numbers } = declared(site);
      expect(
        names.filter((name) => name !== 'syscall'),
        `${site}: a row by name is needed`,
      ).toEqual([]);
      expect(numbers.length, site).toBeGreaterThanOrEqual(names.length);
      return numbers.map((number) => ({ number, site }));
    });
    expect(made).toEqual(calls.map(({ number, site }) => ({ number, site })));
    expect(made.length).toBeGreaterThan(0);
  });

  test('names each call as its site does', () => {
    for (const { name, site } of calls) expect(read(site)).toContain(`${name}(2)`);
  });

  test('lists the files where they are opened', () => {
    for (const { file, site } of files) {
      const name = file.split('/').at(-1);
      expect(read(site), `${file} in ${site}`).toMatch(new RegExp(`['/]${name}'`));
    }
  });

  test('misses no privileged file', () => {
    for (const name of [
      'pagemap',
      'kpageflags',
      'kpagecount',
      'kpagecgroup',
      'numa_maps',
      'mem',
      'maps',
      'smaps',
      'stat',
    ]) {
      const opened = sites.filter((site) => new RegExp(`(?:proc/|, ')${name}'`).test(read(site)));
      const listed = files.filter(({ file }) => file.endsWith(`/${name}`)).map(({ site }) => site);
      expect(opened.toSorted(), name).toEqual(listed.toSorted());
    }
  });
});

test('every foreign function says why it is safe', () => {
  for (const site of sites) {
    const source = read(site);
    for (const match of source.matchAll(/\.(?:func|load)\(/g)) {
      const comment = source.slice(0, match.index).split('\n/**').at(-1) ?? '';
      expect(comment, site).toContain('SAFETY');
      expect(comment.split('*/')[1]?.split('\n').length, `${site}: the comment stands right above`).toBe(2);
    }
  }
});

test.each(['linux/move-pages.ts', 'linux/move-phys-pages.ts'])(
  '%s: the flags are MPOL_MF_MOVE, which leaves alone what others map too, and MPOL_MF_MOVE_ALL',
  (site) => {
    expect(read(site).match(/const \w*[fF]lag\w* = .*/g)).toEqual([
      'const flagOf = { alone: 2, together: 4 } as const;',
    ]);
  },
);
