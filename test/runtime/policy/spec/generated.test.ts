import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { meterModule } from '../../../../runtime/policy/meter/meter.ts';
import { repetitions, timeoutMs } from '../../../proof.ts';
import { giving, moving, plainDriver } from './drivers.ts';
import { generateModule } from './generate.ts';
import { readOutside } from './outside.ts';
import { watch } from './watch.ts';
import type { Driver, Seen } from './watch.ts';

/** For one call: enough for nearly every generated module, and little enough for those that never end. */
const FUEL = 1_000_000n;
const COUNT = repetitions({ slice: 50, full: 3000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'terrace-generated-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs one generated module in every way, which must all show the same; undefined when it is refused. */
function compareRuns(seed: number): Seen | undefined {
  const bytes = generateModule(seed, folder);
  const [metered, outside] = [meterModule(bytes), readOutside(bytes)];
  if (!metered.ok || !outside.ok) {
    expect(metered.ok ? outside : metered).toMatchObject({ code: 'module-forbidden' });
    return undefined;
  }
  const { binary, words } = metered.value;
  const run = (driver: Driver, calls: number, module = binary) =>
    watch(module, outside.value, seed, driver, calls);
  const first = run(giving(FUEL), Infinity);
  const { calls, fuel, answered } = first;

  const plain = run(plainDriver, calls, bytes);
  expect(plain.isCutShort, 'plain runs where metered does').toBe(false);
  const again = run(giving(FUEL), calls);
  expect(again.lines, 'metered does what plain does').toEqual(plain.lines);
  expect(again.fuel, 'the same fuel is burnt again').toEqual(fuel);
  const moved = run(moving(giving(FUEL), words), calls);
  expect(moved.lines, 'memory and words are all the state').toEqual(plain.lines);
  expect(moved.fuel).toEqual(fuel);

  // What a call burnt is what it needs, to the unit; a trap leaves uncounted what it was about to spend.
  const exact = (call: number) => (answered[call] === true ? fuel[call]! : FUEL);
  expect(run(giving(exact), calls)).toMatchObject({ lines: plain.lines, isCutShort: false });
  const last = answered.lastIndexOf(true);
  if (last < 0) return first;
  const tooLittle = (call: number) => (call === last ? fuel[call]! - 1n : FUEL);
  expect(run(giving(tooLittle), calls), 'a unit less is too little').toMatchObject({
    calls: last,
    isCutShort: true,
  });
  return first;
}

test(
  'generated modules do metered what they do plain, and burn the same fuel again',
  () => {
    const counts = { modules: 0, refused: 0, cutShort: 0, answers: 0, traps: 0 };
    for (let seed = 1; seed <= COUNT; seed++) {
      counts.modules++;
      const seen = inContext(`seed ${seed}`, () => compareRuns(seed));
      if (seen === undefined) counts.refused++;
      else if (seen.isCutShort) counts.cutShort++;
      for (const isAnswer of seen?.answered ?? []) counts[isAnswer ? 'answers' : 'traps']++;
    }
    console.log(`generated modules: ${JSON.stringify(counts)}`);
    expect(counts.refused).toBeLessThan(COUNT / 2);
    expect(counts.cutShort).toBeLessThan(COUNT / 10);
    expect(counts.answers).toBeGreaterThan(COUNT);
    expect(counts.traps).toBeGreaterThan(COUNT);
  },
  timeoutMs(300_000),
);

/** Says of what fails in `run` where it did. */
function inContext<T>(context: string, run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof Error) thrown.message = `${context}: ${thrown.message}`;
    throw thrown;
  }
}
