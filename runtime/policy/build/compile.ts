import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildFailure, type BuildResult } from './fault.ts';
import type { Author, Hook } from './author.ts';
import { diagnosticFailure, type Diagnostic } from './parse.ts';
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
  author: Author,
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
      if (diagnostic.category !== CATEGORY_ERROR) return;
      fault ??= signatureFailure(diagnostic, author, entry) ?? diagnosticFailure(diagnostic, sources);
    },
  });
  const core = written.get(OUTPUT);
  if (core instanceof Uint8Array && !error && !fault) return success(core);
  return (
    fault ??
    buildFailure('source-invalid', `${error?.message ?? stderr.toString()}; mend the source and build again`)
  );
}

/** What each export must look like, for messages. */
const SIGNATURES: Readonly<Record<Hook, string>> = {
  evaluate: 'evaluate(snapshot: Snapshot, plan: Plan): void',
  begin: 'begin(epoch: Epoch): void',
  observe: 'observe(chunk: Chunk): void',
  save: 'save(): Uint8Array',
  restore: 'restore(state: Uint8Array): string | null',
};

/** A fault in the generated entry means that an export of the author's has another signature. */
function signatureFailure(
  { message, range }: Diagnostic,
  author: Author,
  entry: string,
): BuildFailure | undefined {
  if (range?.source?.normalizedPath !== ENTRY) return undefined;
  const line = entry.slice(entry.lastIndexOf('\n', range.start) + 1).split('\n', 1)[0]!;
  const hook = /policy\.(\w+)\(/.exec(line)?.[1] as Hook | undefined;
  if (!hook || !(hook in SIGNATURES)) return undefined;
  return buildFailure(
    'source-invalid',
    `${message} Write export function ${SIGNATURES[hook]}`,
    author.hooks.get(hook),
  );
}
