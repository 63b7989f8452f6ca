import { expect, test } from 'vitest';
import { readCorpus } from './corpus.ts';
import { FINDINGS } from './findings.ts';
import { TARGETS, loadTarget } from './targets.ts';

test.each(TARGETS)('what fuzzing $name found holds, and reaches what it should', async (target) => {
  const fuzz = await loadTarget(target);
  const reached = new Set<string>();
  for (const input of [...readCorpus(target.name), ...(FINDINGS[target.name] ?? [])]) {
    const answer = told(fuzz, input);
    for (const word of answer.split(/[,;]? /)) reached.add(word);
  }
  const missed = target.reaches.split(' ').filter((word) => !reached.has(word));
  expect(missed).toEqual([]);
});

/** A finding names the input that it can be tried with again. */
function told(fuzz: (input: Uint8Array) => string, input: Uint8Array): string {
  try {
    return fuzz(input);
  } catch (cause) {
    throw new Error(`${String(cause)}, of ${Buffer.from(input).toString('base64')}`, { cause });
  }
}
