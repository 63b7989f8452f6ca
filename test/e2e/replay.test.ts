import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../runtime/package-root.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'terrace-replay-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const run = promisify(execFile);

function replay(file: string) {
  return run(process.execPath, ['runtime/cli/terrace.js', 'replay', file], { cwd: packageRoot });
}

/** A dry run that records, ended by SIGKILL once it has printed so many lines. */
function recordAndKill(folder: string, lines: number): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, ['runtime/cli/terrace.js', 'dry-run', '--record', folder], {
    cwd: packageRoot,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = 0;
  child.stdout.on('data', (text: Buffer) => {
    seen += text.toString().split('\n').length - 1;
    if (seen >= lines) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
}

test('what a killed process recorded is answered bit for bit once more', async () => {
  const folder = path.join(scratch, 'killed');
  expect(await recordAndKill(folder, 100)).toBe('SIGKILL');
  const previous = await replay(path.join(folder, 'previous.trec'));
  expect(previous.stdout).toMatch(
    /^heat 1\.\S+, sha256 [0-9a-f]{64}, from its start\nepoch 1: as recorded, ok, /,
  );
  expect(previous.stdout).toMatch(
    /epoch 64: as recorded.*\n64 requests, each answered bit for bit as recorded\n$/,
  );
  const current = await replay(path.join(folder, 'current.trec'));
  expect(current.stdout).toMatch(/, from a checkpoint\nepoch 65: as recorded, ok, /);
  expect(current.stdout).not.toContain('DIFFERS');
});

test('a file that is no recording is refused', async () => {
  await expect(replay('package.json')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('terrace: recording-corrupt: '),
  });
});
