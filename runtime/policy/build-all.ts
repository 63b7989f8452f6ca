import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { success } from '../../executor/result.ts';
import type { BuildResult } from './build/fault.ts';

/** Policies whose two targets differ; every other is built for plain WebAssembly. */
const WITH_SIMD = ['heat'];
const TOOLS = ['assemblyscript', '@bytecodealliance/jco', 'rolldown'];
/** What a change of makes everything be built anew. */
const INPUTS = ['policies', 'runtime', 'executor', 'asconfig.json'];

/** Builds what a daemon needs into `dist/`, unless the inputs are those of the last time. */
export async function buildAll(
  root: string,
  say: (line: string) => void,
): Promise<BuildResult<'built' | 'unchanged'>> {
  const stampFile = join(root, 'dist/stamp');
  const stamp = inputDigest(root);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return success('unchanged');
  rmSync(stampFile, { force: true });
  const policies = await buildPolicies(root, say);
  if (!policies.ok) return policies;
  await bundleHost(root, say);
  writeFileSync(stampFile, stamp);
  return success('built');
}

async function buildPolicies(root: string, say: (line: string) => void): Promise<BuildResult<void>> {
  const { buildPolicy } = await import('./build/index.ts');
  const folder = join(root, 'dist/policies');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const index: Record<string, string> = {};
  for (const { file, target, output } of targetsOf(root)) {
    say(`building ${relative(root, file)} (${target})`);
    const built = await buildPolicy({ root, file, target });
    if (!built.ok) return built;
    writeFileSync(join(folder, output), built.value.component);
    index[output] = built.value.digest;
  }
  writeFileSync(join(folder, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
  return success(undefined);
}

function targetsOf(root: string): { file: string; target: string; output: string }[] {
  const names = readdirSync(join(root, 'policies')).filter((name) => name.endsWith('.ts'));
  return names.toSorted().flatMap((name) => {
    const file = join(root, 'policies', name);
    const stem = name.slice(0, -'.ts'.length);
    const scalar = { file, target: 'scalar', output: `${stem}.wasm` };
    if (!WITH_SIMD.includes(stem)) return [scalar];
    return [
      { file, target: 'simd', output: `${stem}.wasm` },
      { ...scalar, output: `${stem}-scalar.wasm` },
    ];
  });
}

/** One file that imports nothing but Node's own modules: the policy host runs where nothing else is readable. */
async function bundleHost(root: string, say: (line: string) => void): Promise<void> {
  const input = join(root, 'runtime/policy/host/main.ts');
  if (!existsSync(input)) return;
  say('bundling the policy host');
  const { build } = await import('rolldown');
  await build({
    input,
    platform: 'node',
    external: /^node:/,
    logLevel: 'warn',
    output: { file: join(root, 'dist/host.mjs'), format: 'esm', codeSplitting: false },
  });
}

function inputDigest(root: string): string {
  const hash = createHash('sha256');
  for (const input of INPUTS)
    for (const file of filesBelow(root, input)) hash.update(file).update(readFileSync(join(root, file)));
  for (const tool of TOOLS) hash.update(toolVersion(root, tool));
  return hash.digest('hex');
}

function filesBelow(root: string, path: string): string[] {
  if (path.endsWith('.json')) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .toSorted();
}

function toolVersion(root: string, tool: string): string {
  const file = join(root, 'node_modules', tool, 'package.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : '';
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '../..');
  const built = await buildAll(root, (line) => process.stderr.write(`${line}\n`));
  if (!built.ok) {
    process.stderr.write(`${built.code}: ${built.message}\n`);
    process.exitCode = 1;
  }
}
