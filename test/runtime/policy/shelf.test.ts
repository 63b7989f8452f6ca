import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failure, success } from '../../../executor/result.ts';
import { policyFilesMax } from '../../../runtime/limits.ts';
import { BUILT_IN, openShelf, type Build } from '../../../runtime/policy/shelf.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import { compile, componentOf, MANIFEST, specimenSource } from './specimen.ts';

const top = mkdtempSync(path.join(tmpdir(), 'terrace-shelf-'));
afterAll(() => rmSync(top, { recursive: true }));

let core: Uint8Array;
let folder: string;
let built: string[];

/** Stands for the compiler: a source's text is what its manifest says. */
const components = new Map<string, Uint8Array>();
const build: Build = (file) => {
  built.push(file);
  const component = components.get(file);
  return Promise.resolve(component ? success(component) : failure('source-invalid', 'no policy'));
};

beforeAll(async () => {
  core = await compile(specimenSource());
});

beforeEach(() => {
  built = [];
  components.clear();
  folder = mkdtempSync(path.join(top, 'policies-'));
});

/** Puts a policy into the folder that says of itself what the file's name says, or what is given. */
async function put(name: string, says?: { readonly name: string; readonly version: string }): Promise<void> {
  const [stem, version = '0.0.1'] = name.replace(/\.(wasm|ts)$/, '').split('@');
  const component = await componentOf(core, {
    manifest: { ...MANIFEST, name: stem, version, ...says },
  });
  if (name.endsWith('.ts')) components.set(path.join(folder, name), component);
  writeFileSync(path.join(folder, name), name.endsWith('.ts') ? '' : component);
}

const find = (named: string, pagesMax?: number) => openShelf({ folder, build }).find(named, pagesMax);
const whatIs = async (named: string): Promise<string> => {
  const found = await find(named);
  if (!found.ok) return found.code;
  const { from, manifest } = found.value;
  return `${path.relative(folder, from)} ${manifest.version}`.replace(/^.*built-in/, BUILT_IN);
};

describe('what a name stands for', () => {
  test.each<readonly [string, readonly string[], string]>([
    ['heat', [], 'built-in 1.0.0'],
    ['heat@1.0.0', [], 'built-in 1.0.0'],
    ['heat@1.0', [], 'policy-not-found'],
    ['heat@2.0.0', ['heat.wasm'], 'policy-not-found'],
    ['heat', ['heat@0.1.0.wasm'], 'heat@0.1.0.wasm 0.1.0'],
    ['heat@1.0.0', ['heat@0.1.0.wasm'], 'built-in 1.0.0'],
    ['heat@1.0.0', ['heat@1.0.0.wasm'], 'heat@1.0.0.wasm 1.0.0'],
    ['own', [], 'policy-not-found'],
    ['own', ['other.wasm', 'own-2.wasm', 'own2.ts'], 'policy-not-found'],
    ['own', ['own.wasm', 'own@9.wasm'], 'own.wasm 0.0.1'],
    ['own', ['own.ts', 'own@9.wasm'], 'own.ts 0.0.1'],
    ['own', ['own.ts', 'own.wasm'], 'policy-ambiguous'],
    ['own', ['own@1.9.0.wasm', 'own@1.10.0.wasm', 'own@1.2.0.wasm'], 'own@1.10.0.wasm 1.10.0'],
    ['own', ['own@1.0.0.wasm', 'own@1.0.0-rc.1.wasm'], 'own@1.0.0.wasm 1.0.0'],
    ['own', ['own@1.0.0-rc.1.wasm', 'own@1.0.0-beta.wasm'], 'own@1.0.0-rc.1.wasm 1.0.0-rc.1'],
    ['own', ['own@1.0.0.wasm', 'own@1.0.0.ts', 'own@2.0.0.ts'], 'own@2.0.0.ts 2.0.0'],
    ['own', ['own@1.0.0.wasm', 'own@1.0.0.ts'], 'policy-ambiguous'],
    ['own', ['own@1.0.wasm', 'own@1.0.0.wasm'], 'policy-ambiguous'],
    ['own@1.0', ['own@1.0.wasm', 'own@1.0.0.wasm'], 'own@1.0.wasm 1.0'],
    ['own@1.0.0', ['own@1.0.0.wasm', 'own@1.0.0.ts'], 'policy-ambiguous'],
    ['own@1.0.0', ['own@1.0.0.ts', 'own.wasm', 'own@2.wasm'], 'own@1.0.0.ts 1.0.0'],
    ['own@1.0.0', ['own.wasm', 'own@2.wasm'], 'policy-not-found'],
    ['a/b', [], 'policy-not-found'],
    ['', [], 'policy-not-found'],
  ])('%s beside %j', async (named, files, expected) => {
    for (const file of files) await put(file);
    expect(await whatIs(named)).toBe(expected);
  });

  test('without a folder: files, and what comes with Terrace', async () => {
    await put('own.wasm');
    const shelf = openShelf({ build });
    expect(await shelf.find('heat')).toMatchObject({ ok: true, value: { from: BUILT_IN } });
    expect(await shelf.find('own')).toMatchObject({ code: 'policy-not-found' });
    const file = path.join(folder, 'own.wasm');
    expect(await shelf.find(file)).toMatchObject({ value: { from: file, manifest: { name: 'own' } } });
  });

  test('only what is asked for is built', async () => {
    for (const file of ['own@1.ts', 'own@2.ts', 'other.ts']) await put(file);
    await find('own');
    expect(built).toEqual([path.join(folder, 'own@2.ts')]);
  });

  test('everything is read anew', async () => {
    const shelf = openShelf({ folder, build });
    expect(await shelf.find('own')).toMatchObject({ ok: false });
    await put('own.wasm');
    expect(await shelf.find('own')).toMatchObject({ value: { manifest: { version: '0.0.1' } } });
    await put('own.wasm', { name: 'own', version: '7' });
    expect(await shelf.find('own')).toMatchObject({ value: { manifest: { version: '7' } } });
  });
});

describe('what a file says of itself', () => {
  test.each([
    ['another name', { name: 'other', version: '1.0.0' }],
    ['another version', { name: 'own', version: '1.0.1' }],
  ])('%s than its own is refused', async (_, says) => {
    await put('own@1.0.0.wasm', says);
    expect(await find('own')).toMatchObject({
      code: 'policy-misnamed',
      message: expect.stringMatching(new RegExp(`name the file ${says.name}@${says.version}\\.wasm$`)),
    });
  });

  test('does not matter without a version', async () => {
    await put('own.wasm', { name: 'other', version: '3' });
    expect(await find('own')).toMatchObject({ value: { manifest: { name: 'other', version: '3' } } });
  });
});

describe('the folder', () => {
  test('has files, and links to them; a folder or a stray name is neither', async () => {
    await put('real.wasm');
    symlinkSync('real.wasm', path.join(folder, 'linked.wasm'));
    symlinkSync('nowhere.wasm', path.join(folder, 'dangling.wasm'));
    mkdirSync(path.join(folder, 'own.wasm'));
    for (const stray of ['own@.wasm', 'own@1.txt', '.own.wasm', 'own.wasm.ts'])
      writeFileSync(path.join(folder, stray), '');
    expect(await whatIs('linked')).toBe('linked.wasm 0.0.1');
    expect(await find('dangling')).toMatchObject({ code: 'policy-not-found' });
    execFileSync('mkfifo', [path.join(folder, 'fifo.wasm')]);
    for (const named of ['own', 'fifo'])
      expect(await find(named)).toMatchObject({ message: expect.stringContaining('there is no policy') });
    expect(await find(path.join(folder, 'fifo.wasm'))).toMatchObject({ code: 'policy-not-found' });
  });

  test('must be there where a name is looked up', async () => {
    rmSync(folder, { recursive: true });
    expect(await find('heat')).toMatchObject({ code: 'policies-unreadable' });
    expect(await find('nowhere.wasm')).toMatchObject({ code: 'policy-not-found' });
  });

  test('is read up to a bound', async () => {
    await put('own.wasm');
    for (let i = 1; i < policyFilesMax; i++) writeFileSync(path.join(folder, `${i}`), '');
    expect(await find('own')).toMatchObject({ ok: true });
    writeFileSync(path.join(folder, 'another'), '');
    expect(await find('own')).toMatchObject({ code: 'policies-unreadable' });
  });
});

describe('what is found', () => {
  test('is admitted, or refused as everywhere', async () => {
    writeFileSync(path.join(folder, 'own.wasm'), 'no component');
    expect(await find('own')).toMatchObject({ code: 'not-a-component' });
    writeFileSync(path.join(folder, 'mine.ts'), 'no source');
    expect(await find('mine')).toMatchObject({ code: 'source-invalid' });
  });

  test('starts with no more memory than is allowed', async () => {
    await put('own.wasm');
    const found = await find('own');
    if (!found.ok) throw new Error(found.message);
    const { minimum } = found.value.outline.memory;
    expect(await find('own', minimum)).toMatchObject({ ok: true });
    expect(await find('own', minimum - 1)).toMatchObject({ code: 'module-forbidden' });
  });

  test('need not be read again to be loaded, but fits the memory it is given', async () => {
    await put('own.wasm');
    const found = await find('own');
    if (!found.ok) throw new Error(found.message);
    const { value: policy } = found;
    const unparsable = { ...policy, component: new Uint8Array() };
    const launch = () => Promise.resolve(failure('host-failed', 'none is needed'));
    expect(await loadPolicy({ policy: unparsable, launch })).toMatchObject({ code: 'host-failed' });
    const limits = { memoryPagesMax: policy.outline.memory.minimum - 1 };
    expect(await loadPolicy({ policy, launch, limits })).toMatchObject({ code: 'module-forbidden' });
  });
});
