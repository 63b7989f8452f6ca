import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const clone = path.resolve(import.meta.dirname, '../..');
const BUILD_ONLY = ['@bytecodealliance/jco', 'assemblyscript', 'rolldown', 'typescript'];

let folder: string;
let consumer: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'terrace-package-'));
  consumer = path.join(folder, 'consumer');
  await mkdir(consumer);
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: clone });
  const tarball = path.join(folder, stdout.trim().split('\n').at(-1) ?? '');
  await writeFile(path.join(consumer, 'package.json'), '{ "private": true, "type": "module" }\n');
  const quick = ['--omit=dev', '--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', tarball, ...quick], { cwd: consumer });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test('an installation without development packages lacks what only the build needs', () => {
  const installed = (name: string) => existsSync(path.join(consumer, 'node_modules', name));
  expect(installed('koffi')).toBe(true);
  expect(BUILD_ONLY.filter(installed)).toEqual([]);
});

test('the installed command replays the bundled trace', async () => {
  const { stdout } = await run('npx', ['terrace', 'dry-run', '--json'], { cwd: consumer });
  const summary = JSON.parse(stdout);
  expect(summary.epochs).toBeGreaterThan(0);
  expect(summary.policies.map(({ name }: { name: string }) => name).sort()).toEqual(['heat', 'hold']);
});

test('the installed library offers createEngine', async () => {
  const script = "import { createEngine } from 'terrace'; console.log(typeof createEngine);";
  await writeFile(path.join(consumer, 'embed.js'), script);
  const node = path.join(consumer, 'node_modules/.bin/node');
  const { stdout } = await run(node, ['embed.js'], { cwd: consumer });
  expect(stdout.trim()).toBe('function');
});

test('the declarations of the installed library satisfy a strict consumer', async () => {
  const source = "import { createEngine } from 'terrace';\nexport const made: Function = createEngine;\n";
  await writeFile(path.join(consumer, 'embed.ts'), source);
  const tsc = path.join(clone, 'node_modules/.bin/tsc');
  const types = path.join(clone, 'node_modules/@types');
  const options = [
    '--noEmit',
    '--strict',
    '--target',
    'es2024',
    '--module',
    'nodenext',
    '--typeRoots',
    types,
    '--types',
    'node',
  ];
  const { stdout } = await run(tsc, [...options, 'embed.ts'], { cwd: consumer });
  expect(stdout).toBe('');
});

test('an older Node hands the command over to the Node that came with the package', async () => {
  const caller = process.env.npm_node_execpath ?? process.execPath;
  const bin = path.join(consumer, 'node_modules/terrace/runtime/cli/terrace.js');
  const { stdout } = await run(caller, [bin, '--help'], { cwd: consumer });
  expect(stdout).toContain('dry-run');
});

test('a source file cannot be built there, and the message says what to do', async () => {
  await writeFile(path.join(consumer, 'own.ts'), 'export function evaluate(): void {}\n');
  const failed = await run('npx', ['terrace', 'build', 'own.ts'], { cwd: consumer }).catch((error) => error);
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(failed.stderr).toMatch(/^terrace: build-tools-missing: \S.*\n$/m);
});
