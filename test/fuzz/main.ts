/**
 * Fuzzes by hand and keeps what was found: `node test/fuzz/main.ts [TARGET…] [--seconds N] [--runs N]`. Begins
 * with the inputs kept and with what the project itself writes; what remains when each only had to add something
 * is kept again. docs/proof.md tells more.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder, workFolder } from '../lab/cache.ts';
import { gather, readCorpus, spread, writeCorpus } from './corpus.ts';
import { provideJazzer } from './jazzer.ts';
import type { Jazzer } from './jazzer.ts';
import { RUNS_MAX, fuzz, merge } from './run.ts';
import { SEEDS } from './seeds.ts';
import { TARGETS } from './targets.ts';
import type { Target } from './targets.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string', default: String(RUNS_MAX) },
  },
});
const bounds = { seconds: Number(values.seconds), runs: Number(values.runs) };
const cache = cacheFolder(process.env, 'fuzz');
const jazzer = await provideJazzer(cache);
if (jazzer.ok) for (const target of chosen()) await work(jazzer.value, target);
else {
  process.stderr.write(`${jazzer.code}: ${jazzer.message}\n`);
  process.exitCode = 1;
}

function chosen(): readonly Target[] {
  const unknown = positionals.find((name) => !TARGETS.some((target) => target.name === name));
  if (unknown !== undefined) throw new Error(`no target is called ${unknown}`);
  return TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
}

async function work(jazzer: Jazzer, target: Target): Promise<void> {
  const { name } = target;
  const folder = await workFolder(join(cache, 'runs'), name);
  const seeds = [...readCorpus(name), ...(SEEDS[name]?.() ?? [])];
  spread(
    seeds.filter(({ length }) => length <= target.bytesMax),
    join(folder, 'inputs'),
  );
  const fuzzed = await fuzz(jazzer, target, { folder, findings: join(cache, 'findings') }, bounds);
  if (!fuzzed.ok) {
    process.stderr.write(`${fuzzed.message}\n`);
    process.exitCode = 1;
    return;
  }
  const merged = await merge(jazzer, target, folder);
  const kept = gather(merged);
  const bytes = writeCorpus(name, kept);
  const { runs, edges } = fuzzed.value;
  console.log(`${name}: ${runs} runs, ${edges} edges, ${kept.length} inputs kept in ${bytes} bytes`);
}
