import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watch } from '../../../runtime/daemon/watch.ts';
import { until } from '../../daemon/daemon-process.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

const SETTLE_MS = 200;
let folder: string;
let file: string;
let policies: string;
let clock: VirtualClock;
let changes: number;
let stop: () => void;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'terrace-watch-'));
  file = path.join(folder, 'terrace.yaml');
  policies = path.join(folder, 'policies');
  mkdirSync(policies);
  writeFileSync(file, 'first');
  clock = createVirtualClock();
  changes = 0;
  const watching = watch({
    ...{ files: [file], folders: [policies], timer: clock.timer, settleMs: SETTLE_MS },
    onChange: () => changes++,
  });
  if (!watching.ok) throw new Error(watching.message);
  stop = watching.value;
});

afterEach(() => {
  stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The kernel has told of it, so a timer runs. */
const isSeen = () => until(() => clock.asleep().length > 0, 'a change is seen');

test.each<readonly [string, () => void]>([
  ['a file that is written to', () => writeFileSync(file, 'second')],
  [
    'a file that is replaced, as editors do',
    () => {
      writeFileSync(`${file}~`, 'second');
      renameSync(`${file}~`, file);
    },
  ],
  ['a file that is removed', () => rmSync(file)],
  ['a new file in a folder', () => writeFileSync(path.join(policies, 'heat.wasm'), 'x')],
  [
    'a file that is moved into a folder',
    () => {
      writeFileSync(path.join(folder, 'elsewhere'), 'x');
      renameSync(path.join(folder, 'elsewhere'), path.join(policies, 'heat.wasm'));
    },
  ],
])('%s is a change, once it was left alone', async (_, change) => {
  change();
  await isSeen();
  await clock.pass(SETTLE_MS - 1);
  expect(changes).toBe(0);
  await clock.pass(1);
  expect(changes).toBe(1);
});

test('several writes are one change, told when the last is over; the next is another', async () => {
  for (let write = 0; write < 5; write++) {
    writeFileSync(file, `${write}`);
    await isSeen();
    await clock.pass(SETTLE_MS / 2);
    // Each puts it off: only what comes after the last one counts.
    writeFileSync(path.join(policies, `${write}`), '');
    const now = clock.steadyMs();
    await until(() => isPutOff(now), 'it is put off');
  }
  expect(changes).toBe(0);
  await clock.pass(SETTLE_MS);
  expect(changes).toBe(1);
  writeFileSync(file, 'again');
  await isSeen();
  await clock.pass(SETTLE_MS);
  expect(changes).toBe(2);
});

/** Whether the timer that runs was begun at that moment or later. */
function isPutOff(sinceMs: number): boolean {
  return clock.dues().every((dueMs) => dueMs >= sinceMs + SETTLE_MS);
}

test('a file keeps its watch when it is replaced again and again', async () => {
  for (let time = 1; time <= 3; time++) {
    writeFileSync(`${file}.new`, `${time}`);
    renameSync(`${file}.new`, file);
    await isSeen();
    await clock.pass(SETTLE_MS);
    expect(changes).toBe(time);
  }
});

test('other files beside it do not count', async () => {
  writeFileSync(path.join(folder, 'control.sock'), '');
  writeFileSync(path.join(folder, 'terrace.yaml.swp'), '');
  // Events come in order: once this one is seen, those were not.
  writeFileSync(path.join(policies, 'last'), '');
  await isSeen();
  await clock.pass(SETTLE_MS);
  expect(changes).toBe(1);
});

test('after the end nothing is told, not even what was seen already', async () => {
  writeFileSync(file, 'second');
  await isSeen();
  stop();
  expect(clock.asleep()).toEqual([]);
  await clock.pass(SETTLE_MS);
  expect(changes).toBe(0);
});

test('a folder that is not there cannot be watched', () => {
  const nowhere = path.join(folder, 'nowhere');
  const options = { timer: clock.timer, settleMs: SETTLE_MS, onChange: () => changes++ };
  const refused = { code: 'watch-failed', message: expect.stringContaining('ENOENT') };
  expect(watch({ ...options, files: [file], folders: [nowhere] })).toMatchObject(refused);
  expect(watch({ ...options, files: [path.join(nowhere, 'a')], folders: [policies] })).toMatchObject(refused);
});
