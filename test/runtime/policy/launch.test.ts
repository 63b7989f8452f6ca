import { closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostStderrBytesMax } from '../../../runtime/limits.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';

let folder: string;
let host: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'terrace-launch-'));
  host = script('host.mjs', "import { readSync } from 'node:fs'; readSync(0, new Uint8Array(1));");
});
afterAll(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const stage = (text: string) => script('stage.mjs', `import { writeSync } from 'node:fs';\n${text}`);

test('a host says what holds it, and ends when it is asked no more', async () => {
  const launched = await launchChild(host)();
  if (!launched.ok) throw new Error(launched.message);
  const { confinement, requests, replies, diagnostics, exited, shared } = launched.value;
  expect(confinement.held).toEqual(
    expect.arrayContaining(['no-new-privileges', 'capabilities', 'landlock', 'seccomp', 'limits']),
  );
  expect(confinement.missing).toContainEqual({ belt: 'cgroup', why: 'none given' });
  requests.end();
  for (const stream of [replies, diagnostics]) stream.resume();
  expect(await exited).toBe('exited with 0');
  closeSync(shared);
});

test.each([
  ['says why it does not', "writeSync(2, 'terrace: belt-missing: all\\n'); process.exitCode = 2;"],
  [
    'says it before a report that is none',
    "writeSync(2, 'belt-missing: all\\n'); writeSync(4, 'nonsense\\n'); process.exit(2);",
  ],
])('a stage that starts no host %s', async (_, text) => {
  const launched = await launchChild(host, stage(text))();
  expect(launched).toMatchObject({ ok: false, code: 'host-failed' });
  expect(!launched.ok && launched.message).toMatch(/its stage (exited|was ended).*: .*belt-missing: all$/);
});

test('a stage that talks without end is not listened to without end', async () => {
  const launched = await launchChild(host, stage("for (;;) writeSync(4, 'x'.repeat(10_000));"))();
  expect(!launched.ok && launched.message).toContain('was ended by SIGKILL');
  const complaining = await launchChild(
    host,
    stage("for (let i = 0; i < 9; i++) writeSync(2, 'x'.repeat(10_000));"),
  )();
  expect(!complaining.ok && complaining.message.length).toBeLessThan(hostStderrBytesMax + 100);
});

test('without a host, or a stage, to start', async () => {
  for (const launch of [launchChild('/nowhere/host.mjs'), launchChild(host, '/nowhere/confine.mjs')])
    expect(await launch()).toMatchObject({ ok: false, message: expect.stringContaining('npm run build') });
});
