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
} as const;
type Part = keyof typeof PARTS;

/** The condition that a policy with vectors asks; it is built for both targets, the scalar one as a twin. */
const VECTORS = 'ASC_FEATURE_SIMD';

/**
 * Builds what a daemon needs into `dist/`: `policies/NAME.wasm`, `policies/index.json` with their SHA-256,
 * and `host.mjs`. A part whose inputs and tools are those of the last time is left alone. Files appear whole.
 */
export async function buildAll(root: string, say: (line: string) => void): Promise<BuildResult<Part[]>> {
  const stampFile = join(root, 'dist/stamp.json');
  const stamp = readStamp(stampFile);
  const built: Part[] = [];
  for (const part of Object.keys(PARTS) as Part[]) {
    const digest = digestOf(root, part);
    if (stamp[part] === digest && isComplete(root, part)) continue;
    const made = part === 'policies' ? await buildPolicies(root, say) : await bundleHost(root, say);
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

/** One file that imports nothing but Node's own modules: the policy host runs where nothing else is readable. */
async function bundleHost(root: string, say: (line: string) => void): Promise<BuildResult<void>> {
  const input = join(root, 'runtime/policy/host/main.ts');
  if (!existsSync(input)) return success(undefined);
  say('bundling the policy host');
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({ input, platform: 'node', external: /^node:/, logLevel: 'warn' });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  await bundle.close();
  write(join(root, 'dist/host.mjs'), output[0].code);
  return success(undefined);
}

function isComplete(root: string, part: Part): boolean {
  if (part === 'host')
    return existsSync(join(root, 'dist/host.mjs')) === existsSync(join(root, 'runtime/policy/host/main.ts'));
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
