import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { success } from '../../executor/result.ts';
import type { BuildResult } from './build/fault.ts';

/** What each part of `dist/` is made from; tools count by their version. */
const PARTS = {
  policies: {
    inputs: ['policies', 'asconfig.json', 'runtime/policy/build', 'runtime/contract.ts'],
    tools: ['assemblyscript', '@bytecodealliance/jco'],
  },
  host: { inputs: ['runtime', 'executor'], tools: ['rolldown'] },
  stage: { inputs: ['executor'], tools: ['rolldown'] },
} as const;
type Part = keyof typeof PARTS;

/**
 * Parts that become one file each: the policy host, which runs where nothing else is readable, and the stage before it,
 * which starts in half the time so. Neither takes in what Node, or an addon, has to load itself.
 */
const BUNDLES = {
  host: { input: 'runtime/policy/host/main.ts', output: 'dist/host.mjs', external: /^node:/ },
  stage: { input: 'executor/confine.ts', output: 'dist/confine.mjs', external: /^(node:|koffi$)/ },
} as const;

/** The condition that a policy with vectors asks; it is built for both targets, the scalar one as a twin. */
const VECTORS = 'ASC_FEATURE_SIMD';

/**
 * Builds what a daemon needs into `dist/`: `policies/NAME.wasm`, `policies/index.json` with their SHA-256,
 * `host.mjs` and `confine.mjs`. A part whose inputs and tools are those of the last time is left alone. Files appear whole.
 */
export async function buildAll(root: string, say: (line: string) => void): Promise<BuildResult<Part[]>> {
  const stampFile = join(root, 'dist/stamp.json');
  const stamp = readStamp(stampFile);
  const built: Part[] = [];
  for (const part of Object.keys(PARTS) as Part[]) {
    const digest = digestOf(root, part);
    if (stamp[part] === digest && isComplete(root, part)) continue;
    const made = part === 'policies' ? await buildPolicies(root, say) : await bundle(root, part, say);
    if (!made.ok) return made;
    stamp[part] = digest;
    write(stampFile, JSON.stringify(stamp));
    built.push(part);
  }
  return success(built);
}

async function buildPolicies(root: string, say: (line: string) => void): Promise<BuildResult<void>> {
  const { buildPolicy } = await import('./build/index.ts');
  const folder = join(root, 'dist/policies');
  const index: Record<string, string> = {};
  for (const { file, target, output } of targetsOf(root)) {
    say(`building ${relative(root, file)} (${target})`);
    const built = await buildPolicy({ root, file, target });
    if (!built.ok) return built;
    write(join(folder, output), built.value.component);
    index[output] = built.value.digest;
  }
  for (const name of readdirSync(folder)) if (!(name in index)) rmSync(join(folder, name));
  write(join(folder, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
  return success(undefined);
}

function targetsOf(root: string): { file: string; target: string; output: string }[] {
  const names = readdirSync(join(root, 'policies')).filter((name) => name.endsWith('.ts'));
  return names.toSorted().flatMap((name) => {
    const file = join(root, 'policies', name);
    const stem = name.slice(0, -'.ts'.length);
    if (!readFileSync(file, 'utf8').includes(VECTORS))
      return [{ file, target: 'scalar', output: `${stem}.wasm` }];
    return [
      { file, target: 'simd', output: `${stem}.wasm` },
      { file, target: 'scalar', output: `${stem}-scalar.wasm` },
    ];
  });
}

async function bundle(
  root: string,
  part: keyof typeof BUNDLES,
  say: (line: string) => void,
): Promise<BuildResult<void>> {
  const { input, output, external } = BUNDLES[part];
  if (!existsSync(join(root, input))) return success(undefined);
  say(`bundling the ${part} of policies`);
  const { rolldown } = await import('rolldown');
  const options = { input: join(root, input), platform: 'node', external, logLevel: 'warn' } as const;
  const bundled = await rolldown(options);
  const { output: chunks } = await bundled.generate({ format: 'esm', codeSplitting: false });
  await bundled.close();
  write(join(root, output), chunks[0].code);
  return success(undefined);
}

function isComplete(root: string, part: Part): boolean {
  if (part !== 'policies') {
    const { input, output } = BUNDLES[part];
    return existsSync(join(root, output)) === existsSync(join(root, input));
  }
  const folder = join(root, 'dist/policies');
  return ['index.json', ...targetsOf(root).map(({ output }) => output)].every((name) =>
    existsSync(join(folder, name)),
  );
}

function digestOf(root: string, part: Part): string {
  const hash = createHash('sha256');
  for (const input of PARTS[part].inputs) {
    for (const file of filesBelow(root, input))
      hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  }
  for (const tool of PARTS[part].tools) hash.update(`${tool} ${toolVersion(root, tool)}\0`);
  return hash.digest('hex');
}

function filesBelow(root: string, path: string): string[] {
  if (/\.\w+$/.test(path)) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();
}

function toolVersion(root: string, tool: string): string {
  const file = join(root, 'node_modules', tool, 'package.json');
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
    : 'missing';
}

function readStamp(file: string): Partial<Record<Part, string>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Record<Part, string>>;
  } catch {
    return {};
  }
}

/** Others may be reading: the old file stays until the new one is whole. */
function write(file: string, contents: string | Uint8Array): void {
  mkdirSync(join(file, '..'), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, contents);
  renameSync(fresh, file);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..');
  const built = await buildAll(root, (line) => process.stderr.write(`${line}\n`));
  if (!built.ok) {
    process.stderr.write(`terrace: ${built.code}: ${built.message}\n`);
    process.exitCode = 1;
  }
}
