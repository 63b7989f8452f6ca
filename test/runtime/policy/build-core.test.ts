import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { componentEmbed } from '@bytecodealliance/jco';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MANIFEST_SECTION } from '../../../runtime/contract.ts';
import { buildCorePolicy } from '../../../runtime/policy/build/core.ts';
import { readPolicy } from '../../../runtime/policy/parse/read-policy.ts';
import { MANIFEST, WIT, compile, componentOf, specimenSource, withCustomSection } from './specimen.ts';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'terrace-build-core-'));
const engine = join(root, 'node_modules/@bytecodealliance/componentize-js/lib/starlingmonkey_embedding.wasm');
const json = JSON.stringify(MANIFEST);
let core: Uint8Array;

beforeAll(async () => void (core = await compile(specimenSource())), 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** Builds the module, with this manifest beside it unless that is null. */
function build(module: Uint8Array, manifest: string | null = json) {
  const file = join(folder, 'core.wasm');
  writeFileSync(file, module);
  if (manifest === null) return buildCorePolicy({ root, file });
  writeFileSync(join(folder, 'manifest.json'), manifest);
  return buildCorePolicy({ root, file, manifest: join(folder, 'manifest.json') });
}

async function refuse(module: Uint8Array, code: string, message: string, manifest?: string | null) {
  const answer = await build(module, manifest);
  expect(answer).toMatchObject({ code, message: expect.stringContaining(message) });
}

describe('a core module', () => {
  test('becomes a component that is admitted, the module in it as it was', async () => {
    const built = await build(core);
    if (!built.ok) throw new Error(built.message);
    expect(readPolicy(built.value.component, 1024)).toMatchObject({
      ok: true,
      value: { manifest: MANIFEST, digest: built.value.digest, core: built.value.core },
    });
    expect(Buffer.from(built.value.core.subarray(0, core.length))).toEqual(Buffer.from(core));
  });

  test('may carry its manifest', async () => {
    const carrying = withCustomSection(core, MANIFEST_SECTION, json);
    expect(await build(carrying, null)).toMatchObject({ value: { manifest: MANIFEST } });
    await refuse(carrying, 'manifest-malformed', 'carries a manifest already');
    await refuse(core, 'manifest-malformed', 'name its JSON file with --manifest', null);
  });

  test('may say itself which world it implements; strings must be UTF-16', async () => {
    const embed = (stringEncoding: 'utf8' | 'utf16') =>
      componentEmbed({ binary: core, witSource: WIT, world: 'policy', stringEncoding });
    expect(await build(await embed('utf16'))).toMatchObject({ value: { manifest: MANIFEST } });
    await refuse(await embed('utf8'), 'component-malformed', 'utf8');
  });
});

describe('what cannot be built is told with the next step', () => {
  test('a file that is missing, is no module, or is a component already', async () => {
    const nowhere = await buildCorePolicy({ root, file: join(folder, 'nowhere.wasm') });
    expect(nowhere).toMatchObject({ code: 'source-not-found' });
    await refuse(Buffer.from('int main() {}'), 'module-invalid', 'no Wasm header');
    await refuse(await componentOf(core), 'source-invalid', 'is a component already');
  });

  test('a manifest that is missing or wrong', async () => {
    const file = join(folder, 'core.wasm');
    writeFileSync(file, core);
    const manifest = join(folder, 'nowhere.json');
    expect(await buildCorePolicy({ root, file, manifest })).toMatchObject({ code: 'source-not-found' });
    await refuse(core, 'manifest-malformed', 'manifest.json: the manifest is not JSON', '{');
    await refuse(core, 'abi-mismatch', 'manifest.json: ', JSON.stringify({ ...MANIFEST, abi: '2.0' }));
  });

  test('an export that is missing or of another type', async () => {
    const source = specimenSource();
    const without = await compile(source.replace('export function decide()', 'function decide()'));
    await refuse(without, 'world-mismatch', 'does not export the function decide (-> i32)');
    const odd = source.replace('export function decide()', 'export function decide(surplus: i32)');
    await refuse(await compile(odd), 'world-mismatch', 'exports as (i32 -> i32) the function decide');
  });

  test('a start section', async () => {
    await refuse(await compile(specimenSource(), []), 'module-forbidden', 'start section');
  });

  test('an import of WASI, with the reason; any other', async () => {
    const importing = (module: string, name: string) =>
      compile(
        `${specimenSource()}\n@external('${module}', '${name}') declare function foreign(): i32;\n` +
          'export function more(): i32 { return foreign(); }\n',
      );
    const wasi = await importing('wasi_snapshot_preview1', 'sched_yield');
    await refuse(wasi, 'import-forbidden', 'needs WASI');
    const foreign = await importing('env', 'memcpy');
    await refuse(foreign, 'import-forbidden', 'imports "env memcpy" (-> i32); it may import only $root log');
  });

  test('a JavaScript engine, because it needs WASI', async ({ skip }) => {
    if (!existsSync(engine)) skip('the componentizer brings no engine any more');
    const built = await buildCorePolicy({ root, file: engine });
    expect(built).toMatchObject({
      code: 'import-forbidden',
      message: expect.stringContaining('needs WASI'),
    });
  });
});
