import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'terrace-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function terrace(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['runtime/cli/terrace.js', ...args],
      { cwd: packageRoot },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

function file(name: string, content: string | Uint8Array): string {
  const at = path.join(folder, name);
  writeFileSync(at, content);
  return at;
}

describe('terrace dry-run', () => {
  test('--json prints one object on one line, the same every time', async () => {
    const first = await terrace('dry-run', '--json');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^\{.*\}\n$/);
    expect((await terrace('dry-run', '--json')).stdout).toBe(first.stdout);
    const { trace, epochs, policies } = JSON.parse(first.stdout);
    expect({ trace, epochs }).toEqual({ trace: 'redis', epochs: 166 });
    const [heat, hold] = policies;
    expect(hold).toMatchObject({ name: 'hold', moved: 0, rejected: 0, failed: 0 });
    expect(heat).toMatchObject({ name: 'heat', rejected: 0, failed: 0 });
    expect(heat.fastTierHitRatio).toBeGreaterThan(hold.fastTierHitRatio);
    expect(heat.slowdown).toBeLessThan(hold.slowdown);
  });

  test('another seed gives other noise', async () => {
    const [one, two] = await Promise.all([
      terrace('dry-run', '--json'),
      terrace('dry-run', '--json', '--seed', '2'),
    ]);
    expect(JSON.parse(two.stdout).policies[0].moved).not.toBe(JSON.parse(one.stdout).policies[0].moved);
  });

  test('--decisions writes a line per epoch, and tells when it cannot', async () => {
    const log = path.join(folder, 'decisions.jsonl');
    await terrace('dry-run', '--json', '--decisions', log);
    const lines = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.slice(0, 166).map(({ epoch, rung, policy }) => [epoch, rung, policy.name])).toEqual(
      Array.from({ length: 166 }, (_, i) => [i + 1, 'chosen', 'heat']),
    );
    const unwritable = await terrace('dry-run', '--json', '--decisions', folder);
    expect(unwritable.stderr).toMatch(/^terrace: decision-log-unwritable: epoch 1, heat: /);
  });

  test('for people: a line per epoch with a heat strip, then a summary', async () => {
    const { stdout } = await terrace('dry-run');
    const epochs = stdout.split('\n').filter((line) => line.startsWith('epoch '));
    expect(epochs).toHaveLength(166);
    for (const line of epochs) expect(line).toMatch(/^epoch +\d+ │ heat .* │ hold .* │[ ▁▂▃▄▅▆▇█]{40}│$/);
    expect(stdout).toMatch(
      /\npolicy +fast hits +slowdown +moved +promoted +demoted +refused\nheat .*\nhold .*\n$/,
    );
  });
});

describe('terrace policy check', () => {
  test('says what a policy of the zoo is made of, without a host', async () => {
    const { code, stdout, stderr } = await terrace('policy', 'check', 'hold');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^hold 1\.0\.0 is admitted: /);
    const labels = 'digest size abi columns settings reasons state imports functions globals memory';
    for (const label of labels.split(' ')) expect(stdout).toMatch(new RegExp(`^${label} +\\S`, 'm'));
    expect(stdout).toMatch(/^digest +sha256 [0-9a-f]{64}$/m);
  });

  test('takes a source, too', async () => {
    const { code, stdout } = await terrace('policy', 'check', 'policies/hold.ts');
    expect(code).toBe(0);
    expect(stdout).toContain('is admitted');
  });
});

describe('bad input is one clear line with a stable code', () => {
  test.each([
    ['policy-not-found', ['dry-run', '--policy', 'nonsense']],
    ['policy-not-found', ['dry-run', '--policy', 'nowhere.wasm']],
    ['source-not-found', ['dry-run', '--policy', 'nowhere.ts']],
    ['not-a-component', ['dry-run', '--policy', file('text.wasm', 'hello')]],
    [
      'not-a-component',
      ['dry-run', '--policy', file('core.wasm', Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))],
    ],
    [
      'source-invalid',
      ['dry-run', '--policy', file('broken.ts', "import { Plan } from './sdk';\nexport function evaluate(")],
    ],
    ['evaluate-missing', ['dry-run', '--policy', file('empty.ts', 'export const version = "1.0.0";')]],
    ['policy-not-found', ['policy', 'check', 'nonsense']],
    ['policy-not-found', ['policy', 'check', 'nowhere.wasm']],
    ['not-a-component', ['policy', 'check', file('other.wasm', 'hello')]],
    [
      'import-forbidden',
      [
        ...['policy', 'check'],
        file(
          'engine.wasm',
          Buffer.from('\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x0a\x01\x05wasi_\x01f\0\0', 'latin1'),
        ),
      ],
    ],
    ['setting-unknown', ['dry-run', '--set', 'speed=3']],
    ['setting-invalid', ['dry-run', '--set', 'horizon=soon']],
    ['trace-not-found', ['dry-run', '--trace', 'nowhere.pgt']],
    ['trace-malformed', ['dry-run', '--trace', file('bad.pgt', 'PGT1 but no more')]],
  ])('%s: terrace %j', async (code, args) => {
    const { code: exitCode, stdout, stderr } = await terrace(...args);
    expect(stderr).toMatch(new RegExp(`^terrace: ${code}: \\S.*\\n$`));
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  });

  test('a verb or flag that does not exist: usage, exit code 2', async () => {
    expect(await terrace('dry-rum')).toMatchObject({ code: 2, stdout: '' });
    expect(await terrace('dry-run', '--sed', '1')).toMatchObject({ code: 2, stdout: '' });
    expect(await terrace('dry-run', '--seed', 'x')).toMatchObject({ code: 2, stdout: '' });
  });
});
