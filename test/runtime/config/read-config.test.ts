import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readConfig } from '../../../runtime/config/read-config.ts';
import { configBytesMax } from '../../../runtime/limits.ts';
import { sample } from './sample.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'terrace-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = path.join(folder, 'terrace.yaml');
const read = (content: string | Uint8Array) => {
  writeFileSync(file, content);
  return readConfig(file);
};

test('a file is read, and paths in it begin at its folder', () => {
  const config = read(sample({ top: { policies: 'policies' } }));
  expect(config).toMatchObject({ ok: true, value: { file, policies: path.join(folder, 'policies') } });
});

test('a byte order mark is none of its text', () => {
  expect(read(`\uFEFF${sample()}`)).toMatchObject({ ok: true });
});

test('the largest file is read, one a byte larger is not', () => {
  const padded = (bytes: number) => sample().padEnd(bytes, ' ');
  expect(read(padded(configBytesMax))).toMatchObject({ ok: true });
  const refused = read(padded(configBytesMax + 1));
  expect(refused).toMatchObject({ code: 'config-too-large', faults: [{ code: 'config-too-large' }] });
});

test('what is no file, or no text', () => {
  expect(readConfig(path.join(folder, 'none.yaml'))).toMatchObject({ code: 'config-unreadable' });
  expect(readConfig(folder)).toMatchObject({ code: 'config-unreadable' });
  const fifo = path.join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  expect(readConfig(fifo)).toMatchObject({ code: 'config-unreadable' });
  expect(read(Uint8Array.of(97, 58, 32, 0xff))).toMatchObject({
    code: 'config-malformed',
    message: `${file} is not in UTF-8`,
  });
});
