import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'terrace-check-'));
const policies = path.join(folder, 'policies');
const samples = path.join(packageRoot, 'docs/samples');

beforeAll(() => {
  mkdirSync(policies);
  const heat = readFileSync(path.join(packageRoot, 'policies/heat.ts'), 'utf8');
  writeFileSync(path.join(policies, 'heat@1.1.0.ts'), heat.replace("version = '1.0.0'", "version = '1.1.0'"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function check(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const command = ['runtime/cli/terrace.js', 'check', ...args];
    execFile(process.execPath, command, { cwd: packageRoot }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

/** A sample, with the folder of policies that this test has. */
function copyOf(sample: string): string {
  const text = readFileSync(path.join(samples, sample), 'utf8');
  return write(sample, text.replace('/etc/terrace/policies', 'policies'));
}

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('the samples', () => {
  test.each(readdirSync(samples))('%s passes', async (sample) => {
    const { code, stdout, stderr } = await check('--config', copyOf(sample));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const scopes = readFileSync(path.join(samples, sample), 'utf8').match(/^ {2}\w+:/gm);
    expect(
      stdout.match(/^\w+: (cgroup|uid) .*, policy \S+ \S+ sha256 [0-9a-f]{12} \{.*\}.*$/gm),
    ).toHaveLength(scopes!.length);
  });

  test('the least one as it lies there', async () => {
    const { stdout } = await check('--config', path.join(samples, 'one-scope.yaml'));
    expect(stdout).toMatch(
      /^batch: cgroup \/batch\.slice, policy heat 1\.0\.0 sha256 [0-9a-f]{12} \{"halfLife":5,.*\}\n$/,
    );
  });

  test('--json prints one line, with where each policy comes from', async () => {
    const { code, stdout } = await check('--config', copyOf('every-key.yaml'), '--json');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\{.*\}\n$/);
    const [batch] = JSON.parse(stdout).scopes;
    const from = path.join(policies, 'heat@1.1.0.ts');
    const digest = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(batch).toMatchObject({
      scope: 'batch',
      members: { kind: 'cgroup', path: '/batch.slice' },
      policy: { name: 'heat', version: '1.1.0', digest, from, settings: { horizon: 20, guard: 1.5 } },
      shadows: [{ name: 'hold', version: '1.0.0', from: 'built-in' }, { settings: { horizon: 5 } }],
    });
  });
});

describe('what is wrong', () => {
  const one = readFileSync(path.join(samples, 'one-scope.yaml'), 'utf8');

  test('is told line by line, and nothing else', async () => {
    const file = write('wrong.yaml', one.replace('policy:', 'polcy:').replace('control:', 'launcher:'));
    const { code, stdout, stderr } = await check('--config', file, '--json');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      `terrace: config-malformed: ${file}:5:1 control is missing; it must be an absolute path of at most 107 bytes without "//", "." and ".." in it`,
      `terrace: config-malformed: ${file}:9:3 scopes.batch.policy is missing; it must be NAME, NAME@VERSION, or the path of a .wasm or .ts file`,
      `terrace: config-malformed: ${file}:12:5 scopes.batch has an unknown key "polcy"; nearest: policy`,
      '',
    ]);
  });

  test.each([
    ['policy-not-found', one.replace('heat', 'nonsense')],
    ['setting-unknown', `${one}    settings: { speed: 1 }\n`],
    ['scopes-overlap', `${one}  more:\n    cgroup: /batch.slice/a\n    sensor: /run/s\n    policy: hold\n`],
    ['source-invalid', one.replace('heat', write('slip.ts', 'export function evaluate('))],
    ['policies-unreadable', `${one}policies: nowhere\n`],
  ])('%s', async (code, text) => {
    const { stderr, ...ended } = await check('--config', write(`${code}.yaml`, text));
    expect(ended).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^terrace: ${code}: \\S+:\\d+:\\d+ \\S.*\\n$`));
  });

  test('no file, or none named', async () => {
    expect((await check('--config', path.join(folder, 'none'))).stderr).toMatch(
      /^terrace: config-unreadable: .*\n$/,
    );
    expect(await check()).toMatchObject({ code: 2, stdout: '' });
  });
});
