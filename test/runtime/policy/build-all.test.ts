import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildAll } from '../../../runtime/policy/build-all.ts';

const repository = join(import.meta.dirname, '../../..');
const HOST =
  "import { readSync } from 'node:fs';\nimport { text } from './text.ts';\nconsole.log(text, readSync);\n";
const STAGE =
  "import koffi from 'koffi';\nimport { readSync } from 'node:fs';\nconsole.log(koffi, readSync);\n";
let root: string;
let said: string[];
const say = (line: string) => void said.push(line);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'terrace-build-all-'));
  said = [];
  for (const path of [
    'asconfig.json',
    'policies/sdk',
    'policies/wit',
    'policies/hold.ts',
    'runtime/contract.ts',
  ]) {
    cpSync(join(repository, path), join(root, path), { recursive: true });
  }
  for (const folder of ['executor', 'runtime/policy/build', 'runtime/policy/host']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, 'runtime/policy/host/main.ts'), HOST);
  writeFileSync(join(root, 'runtime/policy/host/text.ts'), "export const text: string = 'bundled';\n");
  writeFileSync(join(root, 'executor/confine.ts'), STAGE);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test(
  'builds policies, their digests, the host and its stage, and only what changed after that',
  { timeout: 60_000 },
  async () => {
    expect(await buildAll(root, say)).toEqual({ ok: true, value: ['policies', 'host', 'stage'] });
    expect(readdirSync(join(root, 'dist/policies'))).toEqual(['hold.wasm', 'index.json']);
    const wasm = readFileSync(join(root, 'dist/policies/hold.wasm'));
    const index = JSON.parse(readFileSync(join(root, 'dist/policies/index.json'), 'utf8')) as object;
    expect(index).toEqual({ 'hold.wasm': createHash('sha256').update(wasm).digest('hex') });
    const host = readFileSync(join(root, 'dist/host.mjs'), 'utf8');
    expect(host).toContain('bundled');
    expect(host.match(/from "[^"]+"/g)).toEqual(['from "node:fs"']);
    // Its addon is found beside it, not taken in.
    expect(readFileSync(join(root, 'dist/confine.mjs'), 'utf8')).toContain('from "koffi"');

    said = [];
    expect(await buildAll(root, say)).toEqual({ ok: true, value: [] });
    expect(said).toEqual([]);

    rmSync(join(root, 'dist/policies/hold.wasm'));
    writeFileSync(join(root, 'dist/policies/stale.wasm'), '');
    expect(await buildAll(root, say)).toEqual({ ok: true, value: ['policies'] });
    expect(readdirSync(join(root, 'dist/policies'))).toEqual(['hold.wasm', 'index.json']);

    writeFileSync(join(root, 'runtime/policy/host/text.ts'), "export const text: string = 'changed';\n");
    expect(await buildAll(root, say)).toEqual({ ok: true, value: ['host'] });
  },
);

test('builds a policy with vectors for both targets', { timeout: 60_000 }, async () => {
  const file = join(root, 'policies/hold.ts');
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace('{}', '{ if (ASC_FEATURE_SIMD) plan.move(0, 0); }')
      .replace('_plan', 'plan'),
  );
  await buildAll(root, say);
  expect(readdirSync(join(root, 'dist/policies'))).toEqual(['hold-scalar.wasm', 'hold.wasm', 'index.json']);
});

test('says what is wrong, and tries again the next time', { timeout: 60_000 }, async () => {
  writeFileSync(join(root, 'policies/broken.ts'), 'export let x = ;');
  for (let i = 0; i < 2; i++)
    expect(await buildAll(root, say)).toMatchObject({ ok: false, code: 'source-invalid' });
});
