import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildFailure, type BuildResult } from './fault.ts';
import { diagnosticFailure } from './parse.ts';
import { ENTRY, type Sources } from './sources.ts';
import type { BuildTools } from './tools.ts';

const OUTPUT = 'policy.wasm';
/** The compiler's `DiagnosticCategory.Error`, a const enum that has no value at run time. */
const CATEGORY_ERROR = 3;

/**
 * Compiles the generated entry. Every compiler option comes from asconfig.json; only the entry, the target
 * and the output are named here.
 */
export async function compileCore(
  tools: BuildTools,
  sources: Sources,
  entry: string,
  target: string,
): Promise<BuildResult<Uint8Array>> {
  const written = new Map<string, Uint8Array | string>();
  let fault: BuildFailure | undefined;
  const { error, stderr } = await tools.asc.main([ENTRY, '--target', target, '--outFile', OUTPUT], {
    readFile: (name) => (name === ENTRY ? entry : sources.read(name)),
    writeFile: (name, contents) => void written.set(name, contents),
    listFiles: () => [],
    reportDiagnostic: (diagnostic) => {
      if (diagnostic.category === CATEGORY_ERROR) fault ??= diagnosticFailure(diagnostic, sources);
    },
  });
  const core = written.get(OUTPUT);
  if (core instanceof Uint8Array && !error && !fault) return success(core);
  return (
    fault ??
    buildFailure('source-invalid', `${error?.message ?? stderr.toString()}; mend the source and build again`)
  );
}
