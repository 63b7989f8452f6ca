import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildOutputBytesMax } from '../../../runtime/limits.ts';
import { packageRoot } from '../../../runtime/package-root.ts';
import { buildPolicy } from '../../../runtime/policy/build/index.ts';
import { buildInChild, createChildBuild } from '../../../runtime/policy/build-in-child.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'terrace-child-build-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

const hold = readFileSync(path.join(packageRoot, 'policies/hold.ts'), 'utf8');
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('terrace-build-')).length;

test('gives the bytes that a build here gives, and leaves nothing behind', async () => {
  const before = leftovers();
  const source = file('mine.ts', hold);
  const built = await buildInChild(source);
  const here = await buildPolicy({ root: packageRoot, file: source, target: 'simd' });
  expect(built.ok && here.ok && Buffer.compare(built.value, here.value.component)).toBe(0);
  expect(leftovers()).toBeLessThanOrEqual(before);
});

test('a version in the name of the file is none of the policy’s name', async () => {
  const built = await buildInChild(file('versioned@1.0.0.ts', hold));
  const plain = await buildInChild(file('versioned.ts', hold));
  expect(built.ok && plain.ok && Buffer.compare(built.value, plain.value)).toBe(0);
});

test('a fault is told as `terrace build` tells it', async () => {
  const slip = file('slip.ts', hold.replace('Plan): void {', 'Plan): void { _plan.mov();'));
  expect(await buildInChild(slip)).toMatchObject({
    code: 'source-invalid',
    message: expect.stringMatching(/^\/.*\/slip\.ts:\d+:\d+ Property 'mov' does not exist/),
  });
  expect(await buildInChild(path.join(folder, 'none.ts'))).toMatchObject({ code: 'source-not-found' });
});

test.each([
  ['says nothing', 'process.exit(3);', 'failed: run `terrace build'],
  [
    'says something else',
    'process.stderr.write("\\u001b[31mno\\nway"); process.exit(1);',
    'it said [31mno way',
  ],
  ['does not end', 'setInterval(() => {}, 1000);', 'did not end within 0.3 s'],
  [
    'says too much',
    `process.stdout.write("x".repeat(${buildOutputBytesMax + 1})); setInterval(() => {}, 1000);`,
    `printed more than ${buildOutputBytesMax} bytes`,
  ],
])('a build that %s', async (name, script, message) => {
  const command = file(`${name.replaceAll(' ', '-')}.mjs`, script);
  const build = createChildBuild({ command, ...(name === 'does not end' && { msMax: 300 }) });
  expect(await build('any.ts')).toMatchObject({
    code: 'build-failed',
    message: expect.stringContaining(message),
  });
});

test('what it prints may fill the bound, and nothing of this environment reaches it', async () => {
  const component = path.join(folder, 'component.wasm');
  writeFileSync(component, 'anything');
  const script = `
    import { copyFileSync } from 'node:fs';
    if (Object.keys(process.env).length > 0) process.exit(1);
    process.stdout.write('x'.repeat(${buildOutputBytesMax}));
    copyFileSync(${JSON.stringify(component)}, process.argv[5]);`;
  const build = createChildBuild({ command: file('copy.mjs', script) });
  const built = await build('any.ts');
  expect(built.ok && Buffer.from(built.value).toString()).toBe('anything');
  expect(existsSync(component)).toBe(true);
});
