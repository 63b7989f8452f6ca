import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VERDICT } from '../../../executor/verdict.ts';
import type { Decision } from '../../../runtime/govern/decision.ts';
import { createDecisionFile } from '../../../runtime/govern/decision-log.ts';
import { hashPlan, hashSettings } from '../../../runtime/govern/hashes.ts';
import {
  decisionLineBytesMax,
  faultTextBytesMax,
  logLineBytesMax,
  logLinesMax,
} from '../../../runtime/limits.ts';
import { plainText } from '../../../runtime/policy/reply.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'terrace-decisions-'));
  path = join(folder, 'decisions.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const decision = (epoch: number, message = ''): Decision => ({
  epoch,
  rung: 'chosen',
  policy: { name: 'some', version: '1.0.0', digest: '00' },
  settingsHash: '11',
  fault: { code: 'policy-trapped', message },
});
const escapedBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text));
const read = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('a decision file', () => {
  test('has a line per epoch, with the time if there is a clock', () => {
    const log = createDecisionFile({ path, nowMs: () => 77 });
    expect(log.append(decision(1)).ok).toBe(true);
    log.close();
    const again = createDecisionFile({ path });
    expect(again.append(decision(2)).ok).toBe(true);
    again.close();
    expect(read(path)).toEqual([{ atMs: 77, ...decision(1) }, decision(2)]);
  });

  test('keeps two files of the size it was given', () => {
    const bytes = Buffer.byteLength(`${JSON.stringify(decision(1))}\n`);
    const log = createDecisionFile({ path, bytesMax: bytes * 2 });
    for (let epoch = 1; epoch <= 5; epoch++) log.append(decision(epoch));
    log.close();
    expect(statSync(`${path}.1`).size).toBe(bytes * 2);
    expect([...read(`${path}.1`), ...read(path)].map(({ epoch }) => epoch)).toEqual([3, 4, 5]);
  });

  test('takes a line at its bound and refuses one beyond', () => {
    const log = createDecisionFile({ path });
    const spare = decisionLineBytesMax - Buffer.byteLength(`${JSON.stringify(decision(1))}\n`);
    expect(log.append(decision(1, 'x'.repeat(spare + 1)))).toMatchObject({ code: 'decision-log-unwritable' });
    expect(log.append(decision(1, 'x'.repeat(spare))).ok).toBe(true);
    log.close();
  });

  test('takes the longest story that a policy can tell', () => {
    // Three requests' lines (load, configure, epoch), of the characters that grow most: no UTF-8, quotes.
    const texts = [0xff, 0x22, 0x5c].map((byte) => plainText(new Uint8Array(logLineBytesMax).fill(byte)));
    const long = texts.toSorted((a, b) => escapedBytes(b) - escapedBytes(a))[0]!;
    const logged = Array.from({ length: 3 * logLinesMax }, () => ({ level: 255, message: long }));
    const log = createDecisionFile({ path });
    const fault = plainText(new Uint8Array(faultTextBytesMax).fill(0xff)) + long;
    const verdicts = Object.fromEntries(Object.keys(VERDICT).map((name) => [name, 2 ** 32]));
    expect(log.append({ ...decision(2 ** 32, fault), log: logged, verdicts }).ok).toBe(true);
    log.close();
  });

  test('that cannot be written says so and does not throw', () => {
    const nowhere = createDecisionFile({ path: join(folder, 'none', 'file') });
    expect(nowhere.append(decision(1))).toMatchObject({ ok: false, code: 'decision-log-unwritable' });
  });
});

test('a decision file that was closed is not opened again', () => {
  const log = createDecisionFile({ path });
  expect(log.append(decision(1))).toMatchObject({ ok: true });
  log.close();
  expect(log.append(decision(2))).toMatchObject({ ok: false, code: 'decision-log-unwritable' });
  expect(read(path)).toHaveLength(1);
});

describe('hashes', () => {
  const plan = {
    regions: Uint32Array.of(1, 2),
    targets: Uint8Array.of(0, 1),
    priorities: new Uint16Array(),
    reasons: new Uint8Array(),
    headroom: new Uint32Array(),
    wishes: [{ id: 1, subject: 2, value: 3 }],
  };

  test('of a plan: every column with its length, little-endian', () => {
    const bytes =
      '02000000 01000000 02000000 02000000 0001 00000000 00000000 00000000 03000000 010000000200000003000000';
    const expected = createHash('sha256')
      .update(Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
      .digest('hex');
    expect(hashPlan(plan)).toBe(expected);
  });

  test.each([
    { regions: Uint32Array.of(1, 3) },
    { targets: Uint8Array.of(0, 0) },
    { priorities: Uint16Array.of(0, 0) },
    { reasons: Uint8Array.of(0, 0) },
    { headroom: Uint32Array.of(0) },
    { wishes: [{ id: 1, subject: 2, value: 4 }] },
  ])('tell plans apart by %j', (change) => {
    expect(hashPlan({ ...plan, ...change })).not.toBe(hashPlan(plan));
  });

  test('of settings: whatever the order, every value', () => {
    const expected = createHash('sha256').update('{"a":1,"b":"x"}').digest('hex');
    expect(hashSettings({ b: 'x', a: 1 })).toBe(expected);
    expect(hashSettings({ a: 1, b: 'x' })).toBe(expected);
    expect(hashSettings({ a: 1, b: 'y' })).not.toBe(expected);
  });
});
