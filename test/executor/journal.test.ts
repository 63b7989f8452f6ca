import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type JournalBegin,
  createJournal,
  createMemoryJournal,
  readJournal,
} from '../../executor/journal.ts';
import { BOUNDS } from '../../executor/limits.ts';
import { expectValue } from './two-tier.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'terrace-journal-'));
  path = join(folder, 'journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (epoch: number): JournalBegin => ({
  ...{ kind: 'begin', atMs: 1, epoch, scope: 'all', entries: 1, pages: 1 },
});
const epochs = () => expectValue(readJournal(path)).lines.map(({ epoch }) => epoch);

describe('a journal', () => {
  test('keeps lines across openings', () => {
    for (const epoch of [1, 2]) {
      const journal = createJournal({ path, bytesMax: 1_000_000 });
      expectValue(journal.append(line(epoch)));
      journal.close();
    }
    expect(epochs()).toEqual([1, 2]);
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  test('rotates at its bound, which both files keep', () => {
    const bytes = Buffer.byteLength(`${JSON.stringify(line(1))}\n`);
    const journal = createJournal({ path, bytesMax: bytes * 3 });
    for (let epoch = 1; epoch <= 8; epoch++) expectValue(journal.append(line(epoch)));
    journal.close();
    expect(statSync(path).size).toBe(bytes * 2);
    expect(statSync(`${path}.1`).size).toBe(bytes * 3);
    expect(epochs()).toEqual([4, 5, 6, 7, 8]);
  });

  test('refuses a line beyond its bound and takes one at it', () => {
    const journal = createJournal({ path, bytesMax: 1_000_000 });
    const spare = BOUNDS.journalLineBytesMax - Buffer.byteLength(`${JSON.stringify(line(1))}\n`);
    const long = (extra: number) => ({ ...line(1), scope: `all${'x'.repeat(spare + extra)}` });
    expect(journal.append(long(1))).toMatchObject({ ok: false, code: 'journal-unwritable' });
    expect(journal.append(long(0)).ok).toBe(true);
    journal.close();
  });

  test('that cannot be written says so and does not throw', () => {
    const nowhere = createJournal({ path: join(folder, 'none', 'journal'), bytesMax: 1_000_000 });
    expect(nowhere.append(line(1))).toMatchObject({ ok: false, code: 'journal-unwritable' });
    const full = createJournal({ path: '/dev/full', bytesMax: 1_000_000 });
    const failed = full.append(line(1));
    expect(failed).toMatchObject({ ok: false, code: 'journal-unwritable' });
    expect(!failed.ok && failed.message).toContain('ENOSPC');
    full.close();
  });

  test('is read past torn and foreign lines', () => {
    const journal = createJournal({ path, bytesMax: 1_000_000 });
    expectValue(journal.append(line(1)));
    appendFileSync(path, '{"kind":"begin","ep\n{"kind":"gossip"}\nnull\n');
    expectValue(journal.append(line(2)));
    journal.close();
    expect(epochs()).toEqual([1, 2]);
    expect(expectValue(readJournal(path)).unreadable).toBe(3);
    expect(readFileSync(path, 'utf8').endsWith('\n')).toBe(true);
  });

  test('that is not there cannot be read', () => {
    expect(readJournal(path)).toMatchObject({ ok: false, code: 'journal-unreadable' });
  });
});

test('a journal in memory keeps the newest lines', () => {
  const journal = createMemoryJournal(2);
  for (const epoch of [1, 2, 3]) expectValue(journal.append(line(epoch)));
  expect(journal.lines.map(({ epoch }) => epoch)).toEqual([2, 3]);
});
