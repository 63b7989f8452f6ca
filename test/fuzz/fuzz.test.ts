import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { cacheFolder, workFolder } from '../lab/cache.ts';
import { repetitions } from '../proof.ts';
import { readCorpus, spread } from './corpus.ts';
import { provideJazzer } from './jazzer.ts';
import type { Jazzer } from './jazzer.ts';
import { RUNS_MAX, fuzz } from './run.ts';
import { TARGETS } from './targets.ts';

/** For each target. Never under `npm test`, where a clock would decide what is tried. */
const seconds = repetitions({ slice: 0, full: 600 });
const cache = cacheFolder(process.env, 'fuzz');

describe.skipIf(seconds === 0)('coverage-guided fuzzing', () => {
  let jazzer: Jazzer;

  beforeAll(async () => {
    const provided = await provideJazzer(cache);
    if (!provided.ok) throw new Error(`${provided.code}: ${provided.message}`);
    jazzer = provided.value;
  });

  test.each(TARGETS)('of $name finds nothing', async (target) => {
    const folder = await workFolder(join(cache, 'runs'), target.name);
    spread(readCorpus(target.name), join(folder, 'inputs'));
    const place = { folder, findings: join(cache, 'findings') };
    const fuzzed = await fuzz(jazzer, target, place, { seconds, runs: RUNS_MAX });
    await rm(folder, { recursive: true });
    if (!fuzzed.ok) throw new Error(fuzzed.message);
    expect(fuzzed.value.runs).toBeGreaterThan(readCorpus(target.name).length);
    expect(fuzzed.value.edges).toBeGreaterThan(0);
  });
});
