import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COLUMNS, MANIFEST_SECTION } from '../../../runtime/contract.ts';
import { buildPolicy, type BuildFailure } from '../../../runtime/policy/build/index.ts';

const root = join(import.meta.dirname, '../../..');
const probe = join(root, 'test/fixtures/policies/probe.ts');
const hold = join(root, 'policies/hold.ts');
let folder: string;
/** Statics that the type declarations leave out. */
const moduleFacts = WebAssembly.Module as unknown as {
  customSections(module: WebAssembly.Module, name: string): ArrayBuffer[];
  imports(module: WebAssembly.Module): { module: string; name: string; kind: string }[];
};

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'terrace-build-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Builds a policy with this text; `files` lie beside it. */
async function build(text: string, files: Record<string, string> = {}) {
  for (const [name, contents] of Object.entries({ 'policy.ts': text, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), contents);
  }
  return buildPolicy({ root, file: join(folder, 'policy.ts'), target: 'scalar' });
}

async function refusal(text: string, files: Record<string, string> = {}): Promise<BuildFailure> {
  const built = await build(text, files);
  if (built.ok) throw new Error('was built');
  return built;
}

const EVALUATE =
  "import { Plan, Snapshot } from './sdk';\nexport function evaluate(s: Snapshot, p: Plan): void {}\n";

describe('buildPolicy', { timeout: 60_000 }, () => {
  test('reads version, state, reasons, settings and columns out of the source', async () => {
    const built = await buildPolicy({ root, file: probe, target: 'scalar' });
    if (!built.ok) throw new Error(built.message);
    expect(built.value.manifest).toMatchObject({
      abi: '1.0',
      name: 'probe',
      version: '1.2.3',
      description: 'Echoes its input',
      stateVersion: 7,
      stateBytesMax: 1024,
      reasons: ['even', 'odd'],
      columns: Object.keys(COLUMNS),
      settings: [
        { name: 'ratio', type: 'number', description: 'a number', default: 0.5, min: -10, max: 10 },
        { name: 'count', type: 'integer', description: 'an integer', default: 3, min: 0, max: 1000 },
        { name: 'loud', type: 'truth', description: 'a truth', default: false },
        { name: 'word', type: 'text', description: 'a text', default: 'hot' },
      ],
    });
  });

  test('carries the manifest in the core module, and the core in the component', async () => {
    const built = await buildPolicy({ root, file: hold, target: 'scalar' });
    if (!built.ok) throw new Error(built.message);
    const { core, component, manifest } = built.value;
    const module = new WebAssembly.Module(core as Uint8Array<ArrayBuffer>);
    const [section] = moduleFacts.customSections(module, MANIFEST_SECTION);
    expect(JSON.parse(new TextDecoder().decode(section))).toEqual(manifest);
    expect(Buffer.from(component).includes(Buffer.from(JSON.stringify(manifest)))).toBe(true);
    expect(moduleFacts.imports(module)).toEqual([{ module: '$root', name: 'log', kind: 'function' }]);
  });

  test('gives the same bytes for the same source, wherever it lies', async () => {
    copyFileSync(probe, join(folder, 'probe.ts'));
    const [first, second] = await Promise.all(
      [probe, join(folder, 'probe.ts')].map((file) => buildPolicy({ root, file, target: 'scalar' })),
    );
    if (!first!.ok || !second!.ok) throw new Error('was not built');
    expect(Buffer.compare(first!.value.component, second!.value.component)).toBe(0);
    expect(first!.value.digest).toBe(second!.value.digest);
  });

  test('follows the imports of the author, and counts their columns', async () => {
    const built = await build(
      "import { heat } from './lib/heat';\nimport { Plan, Snapshot } from './sdk';\n" +
        'export function evaluate(s: Snapshot, p: Plan): void { if (heat(s, 0)) p.move(0, 0); } // .owner\n',
      {
        'lib/heat.ts':
          "import { Snapshot } from '../sdk';\nexport function heat(s: Snapshot, i: i32): u32 { return s.accesses[i]; }",
      },
    );
    expect(built).toMatchObject({ ok: true, value: { manifest: { columns: ['accesses'] } } });
  });

  test.each([
    ['evaluate-missing', 1, 1, 'export function judge(): void {}'],
    ['source-invalid', 1, 16, 'export let x = ;'],
    ['source-invalid', 3, 1, `${EVALUATE}missing();`],
    [
      'source-invalid',
      2,
      17,
      "import { Snapshot } from './sdk';\nexport function evaluate(s: Snapshot): void {}",
    ],
    ['source-invalid', 1, 22, "import { gone } from './gone';\nexport function evaluate(): void { gone(); }"],
    ['setting-invalid', 3, 34, `${EVALUATE}@setting('cut', 0, 9) export let cut: u32 = 10;`],
    ['setting-invalid', 3, 28, `${EVALUATE}@setting('cut') export let cut = 10;`],
    ['setting-invalid', 3, 28, `${EVALUATE}@setting('cut') export let cut: u64 = 10;`],
    ['setting-invalid', 3, 23, `${EVALUATE}@setting() export let cut: u32 = 10;`],
    ['setting-invalid', 3, 19, `${EVALUATE}@setting('c') let cut: u32 = 10;`],
    ['setting-invalid', 3, 26, `${EVALUATE}@setting('c') export let cut: u32 = 5 + 5;`],
    ['setting-invalid', 3, 33, `${EVALUATE}@setting('c', -1, 9) export let cut: u32 = 5;`],
    ['setting-invalid', 3, 29, `${EVALUATE}@setting('c', 1) export let on: bool = true;`],
  ])('%s at %i:%i', async (code, line, column, text) => {
    const fault = await refusal(text);
    expect(fault).toMatchObject({ code, location: { file: join(folder, 'policy.ts'), line, column } });
    expect(fault.message).toMatch(/^\S+policy\.ts:\d+:\d+ .+(; |Write )\S+/);
  });

  test('points into the imported file when that is at fault', async () => {
    const fault = await refusal(
      "import { heat } from './lib/heat';\nimport { Plan, Snapshot } from './sdk';\n" +
        'export function evaluate(s: Snapshot, p: Plan): void { heat(); }',
      { 'lib/heat.ts': '\nexport function heat(): void {\n  nothing();\n}' },
    );
    expect(fault.location).toEqual({ file: join(folder, 'lib/heat.ts'), line: 3, column: 3 });
  });

  test('names what is missing', async () => {
    const ask = async (file: string, target: string, at = root) => {
      const built = await buildPolicy({ root: at, file, target });
      return built.ok ? 'built' : built.code;
    };
    expect(await ask(join(folder, 'absent.ts'), 'scalar')).toBe('source-not-found');
    expect(await ask(join(folder, "it's.ts"), 'scalar')).toBe('source-not-found');
    expect(await ask(hold, 'fastest')).toBe('target-unknown');
    expect(await ask(hold, 'scalar', folder)).toBe('config-invalid');
  });

  test('takes every compiler option from asconfig.json', async () => {
    const config = JSON.parse(readFileSync(join(root, 'asconfig.json'), 'utf8')) as { options: object };
    expect(config.options).toMatchObject({ runtime: 'minimal', exportStart: '_initialize' });
    const plain = await buildPolicy({ root, file: join(root, 'policies/heat.ts'), target: 'scalar' });
    const simd = await buildPolicy({ root, file: join(root, 'policies/heat.ts'), target: 'simd' });
    if (!plain.ok || !simd.ok) throw new Error('was not built');
    expect(plain.value.digest).not.toBe(simd.value.digest);
  });
});
