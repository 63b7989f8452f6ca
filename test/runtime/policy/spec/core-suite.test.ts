import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, afterEach, describe, expect, test } from 'vitest';
import { compare, createTally } from './compare.ts';
import type { Tally } from './compare.ts';
import { convert, missingConverter } from './wast.ts';

const SUITE = process.env.TERRACE_WASM_SPEC;
const OWN = path.join(import.meta.dirname, 'scripts');
const scriptsIn = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.wast'));
const noConverter = missingConverter();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'terrace-spec-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what our own scripts say of the core language holds metered as it does plain', () => {
  test.for(scriptsIn(OWN))('%s', (name, context) => {
    if (noConverter !== undefined) return context.skip(noConverter);
    const script = convert(path.join(OWN, name), folder);
    if (!script.ok) throw new Error(script.why);
    const tally = createTally();
    compare(script.commands, script.folder, tally);
    expect(tally.wrong).toEqual([]);
    expect(tally.heldPlain).toBeGreaterThan(0);
  });
});

test('a script of a syntax that wast2json does not know is said to be so', (context) => {
  if (noConverter !== undefined) return context.skip(noConverter);
  const file = path.join(folder, 'newer.wast');
  writeFileSync(file, '(module definition $later)');
  expect(convert(file, folder)).toEqual({ ok: false, why: expect.stringContaining('newer.wast:1:9: error') });
});

describe('what the official core suite says holds metered as it does plain', () => {
  const total = createTally();
  let files = 0;
  const reason = noConverter ?? missingSuite();

  test.for(reason === undefined ? scriptsIn(SUITE!) : ['every file'])('%s', (name, context) => {
    if (reason !== undefined) return context.skip(reason);
    const script = convert(path.join(SUITE!, name), folder);
    if (!script.ok) return context.skip(`wast2json cannot convert it: ${script.why}`);
    const tally = createTally();
    compare(script.commands, script.folder, tally);
    files++;
    add(total, tally);
    expect(tally.wrong).toEqual([]);
  });

  test.skipIf(reason !== undefined)('and not because nothing was run', () => {
    expect(files).toBeGreaterThan(0);
    expect(total.heldMetered).toBeGreaterThan(0);
  });

  afterAll(() => {
    if (files > 0) console.log(describeTally(files, total));
  });
});

function missingSuite(): string | undefined {
  if (SUITE === undefined) return 'TERRACE_WASM_SPEC names no folder of the official core suite';
  return existsSync(SUITE) ? undefined : `TERRACE_WASM_SPEC names ${SUITE}, which is not there`;
}

function add(total: Tally, tally: Tally): void {
  for (const key of ['modules', 'admitted', 'assertions', 'heldPlain', 'heldMetered'] as const)
    total[key] += tally[key];
  for (const key of ['unsound', 'acceptedSince'] as const) total[key] += tally[key];
  for (const [reason, times] of tally.notRun)
    total.notRun.set(reason, (total.notRun.get(reason) ?? 0) + times);
}

function describeTally(files: number, total: Tally): string {
  return [
    `core suite: ${files} files; ${total.admitted} of ${total.modules} modules metered`,
    `${total.heldPlain} of ${total.assertions} assertions held plain, ${total.heldMetered} metered`,
    `${total.unsound - total.acceptedSince} of ${total.unsound} unsound modules refused`,
    ...[...total.notRun].map(([reason, times]) => `${times} commands not run: ${reason}`),
  ].join('\n  ');
}
