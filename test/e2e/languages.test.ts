import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import asc from 'assemblyscript/asc';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';
import { createShapeTable } from '../../runtime/policy/parse/component-types.ts';
import { describeWorld, LOG_SIGNATURE, REALLOC_SIGNATURE } from '../../runtime/policy/parse/world.ts';
import { clangMissing, COMPILE, LINK } from '../policies/clang.ts';
import { execute, matches, readPage } from './page.ts';

const text = readFileSync(path.join(packageRoot, 'docs/languages.md'), 'utf8');
const { block, examples } = readPage(text);
const folder = mkdtempSync(path.join(tmpdir(), 'terrace-languages-'));
const rustc = findRustc();
afterAll(() => rmSync(folder, { recursive: true }));

/** A Rust compiler that has the target; Debian's, where another one comes first in the PATH. */
function findRustc(): string | undefined {
  return ['rustc', '/usr/bin/rustc'].find((command) => {
    const { status, stdout } = spawnSync(command, ['--print', 'sysroot'], { encoding: 'utf8' });
    return status === 0 && existsSync(path.join(stdout.trim(), 'lib/rustlib/wasm32-unknown-unknown/lib'));
  });
}

function whyNot(command: string): string | undefined {
  if (command.includes('libc-core')) return undefined;
  if (clangMissing !== undefined || !/rustc|hold-core/.test(command)) return clangMissing;
  return rustc === undefined ? 'needs rustc, and libstd-rust-dev-wasm32, of Debian' : undefined;
}

/** In the temporary folder instead of the clone. */
function place(shown: string): string {
  return shown
    .replaceAll(/(?<![\w/.-])[\w-]+\.(?:c|o|rs|json|wasm)\b/g, (name) => path.join(folder, name))
    .replace(/^rustc /, `${rustc} `);
}

describe('docs/languages.md', () => {
  beforeAll(async () => {
    for (const name of ['c eager.c', 'json eager.json', 'rust hold.rs', 'json hold.json'])
      writeFileSync(path.join(folder, name.split(' ')[1]!), block(name));
    const libc = await asc.compileString(
      "@external('wasi_snapshot_preview1', 'clock_time_get') declare function time(id: i32, precision: i64, at: i32): i32;\n" +
        'export function now(): i32 { return time(0, 0, 0); }',
      { runtime: 'stub' },
    );
    writeFileSync(path.join(folder, 'libc-core.wasm'), libc.binary!);
  });

  test('has examples', () => expect(examples.length).toBe(11));

  test.for(examples)('$command', async ({ command, shown }, { skip }) => {
    const missing = whyNot(command);
    if (missing !== undefined) skip(missing);
    const printed = await execute(place(command));
    if (!matches(printed, place(shown))) expect(printed).toBe(place(shown));
  });

  test('names every export with its type, and the import', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` \| `([i0-9 >-]+)` \|/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    const exports = [...describeWorld(createShapeTable()).exports].map(([name, { signature }]) => [
      name,
      signature,
    ]);
    expect(rows).toEqual([['cabi_realloc', REALLOC_SIGNATURE], ...exports]);
    expect(text).toContain(`\`$root\` \`log\`, \`${LOG_SIGNATURE}\``);
  });

  test('compiles and links as the tests do', () => {
    for (const line of [`$ ${COMPILE} heat.o policies/c/heat.c\n`, `$ ${LINK} heat-core.wasm heat.o\n`])
      expect(text).toContain(line);
  });
});

describe('terrace build of a core module', () => {
  const build = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['runtime/cli/terrace.js', 'build', ...args], {
      cwd: packageRoot,
      encoding: 'utf8',
    });

  test('says when --manifest names the manifest of a source that states its own', () => {
    const { status, stderr } = build('policies/hold.ts', '--manifest', 'policies/c/heat.json');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/^terrace: manifest-unfit: /);
  });

  test('does not replace the module it was given', ({ skip }) => {
    if (clangMissing !== undefined) skip(clangMissing);
    const file = path.join(folder, 'heat-c.wasm');
    const object = path.join(folder, 'own.o');
    execFileSync('sh', ['-c', `${COMPILE} ${object} policies/c/heat.c && ${LINK} ${file} ${object}`], {
      cwd: packageRoot,
    });
    const module = readFileSync(file);
    const { status, stderr } = build(file, '--manifest', 'policies/c/heat.json');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/^terrace: output-unwritable: .* --out\n$/);
    expect(readFileSync(file)).toEqual(module);
  });
});
