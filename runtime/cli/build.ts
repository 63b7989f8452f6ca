import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { failure, success, type Result } from '../../executor/result.ts';
import { packageRoot } from '../package-root.ts';
import type { BuiltPolicy } from '../policy/build/index.ts';
import type { Terminal } from './terminal.ts';

interface BuildFlags {
  readonly out?: string;
  readonly target: string;
  readonly manifest?: string;
}

/** `terrace build`: one policy from its source, or from the core module another compiler made, to a component. */
export function addBuildVerb(program: Command, terminal: Terminal): void {
  program
    .command('build')
    .description('compile a policy into a component')
    .argument('<file>', "the author's .ts file, or a core Wasm module of any toolchain (docs/languages.md)")
    .option(
      '-o, --out <file>',
      "where the component goes (default: beside <file>, as the policy's name.wasm)",
    )
    .option('--target <name>', 'for a .ts file: a target of asconfig.json', 'simd')
    .option('--manifest <file>', 'for a core module that carries none: its manifest (docs/manifest.md)')
    .action(async (file: string, flags: BuildFlags) => {
      const written = await build(file, flags);
      if (written.ok) terminal.out(written.value);
      else terminal.fail(written);
    });
}

async function build(file: string, flags: BuildFlags): Promise<Result<string>> {
  const built = await compile(file, flags);
  if (!built.ok) return built;
  const { component, manifest, digest } = built.value;
  const to = flags.out ?? path.join(path.dirname(file), `${manifest.name}.wasm`);
  if (path.resolve(to) === path.resolve(file)) {
    return failure(
      'output-unwritable',
      `${to} would replace what it is made of: name another file with --out`,
    );
  }
  try {
    writeFileSync(to, component);
  } catch (error) {
    return failure(
      'output-unwritable',
      `cannot write ${to} (${(error as NodeJS.ErrnoException).code}): name another file with --out`,
    );
  }
  return success(
    `${to}: ${manifest.name} ${manifest.version}, ${component.length} bytes, sha256 ${digest}\n`,
  );
}

async function compile(file: string, { target, manifest }: BuildFlags): Promise<Result<BuiltPolicy>> {
  if (file.endsWith('.wasm')) {
    const { buildCorePolicy } = await import('../policy/build/core.ts');
    return buildCorePolicy({ root: packageRoot, file, ...(manifest !== undefined && { manifest }) });
  }
  if (manifest !== undefined) {
    return failure('manifest-unfit', `--manifest belongs to a core module; ${file} states its own`);
  }
  const { buildPolicy } = await import('../policy/build/index.ts');
  return buildPolicy({ root: packageRoot, file, target });
}
