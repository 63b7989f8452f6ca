import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { failure, success, type Result } from '../../executor/result.ts';
import { packageRoot } from '../package-root.ts';
import type { Terminal } from './terminal.ts';

interface BuildFlags {
  readonly out?: string;
  readonly target: string;
}

/** `terrace build`: one policy from its source to a component. */
export function addBuildVerb(program: Command, terminal: Terminal): void {
  program
    .command('build')
    .description('compile a policy into a component')
    .argument('<file>', "the author's .ts file")
    .option('-o, --out <file>', 'where the component goes (default: beside the source, as .wasm)')
    .option('--target <name>', 'a target of asconfig.json', 'simd')
    .action(async (file: string, flags: BuildFlags) => {
      const written = await build(file, flags);
      if (written.ok) terminal.out(written.value);
      else terminal.fail(written);
    });
}

async function build(file: string, { out, target }: BuildFlags): Promise<Result<string>> {
  const { buildPolicy } = await import('../policy/build/index.ts');
  const built = await buildPolicy({ root: packageRoot, file, target });
  if (!built.ok) return built;
  const { component, manifest, digest } = built.value;
  const to = out ?? path.join(path.dirname(file), `${path.basename(file, '.ts')}.wasm`);
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
