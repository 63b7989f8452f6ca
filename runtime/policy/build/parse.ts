import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildFailure, type BuildResult } from './fault.ts';
import { KIT, type Sources } from './sources.ts';
import { lineAndColumn, type Tree } from './syntax.ts';
import type { BuildTools } from './tools.ts';

/** What the compiler has to say about a source. */
export interface Diagnostic {
  readonly message: string;
  readonly range: {
    readonly start: number;
    readonly source: { readonly normalizedPath: string } | null;
  } | null;
}

/** Syntax trees of the author's file, first, and of the author's files it imports; the kit is left out. */
export function parseAuthor(tools: BuildTools, sources: Sources): BuildResult<readonly Tree[]> {
  const { newProgram, newOptions, parse, nextFile, nextDiagnostic, isError } = tools.assemblyscript;
  const program = newProgram(newOptions());
  const text = sources.read(sources.name);
  if (text === null) {
    return buildFailure(
      'source-not-found',
      `no file ${sources.pathOf(sources.name)}; name a .ts file that exports evaluate`,
    );
  }
  parse(program, text, sources.name, true);
  for (let next = nextFile(program); next !== null; next = nextFile(program)) {
    if (`${next}/`.startsWith(KIT)) continue;
    const imported = sources.read(`${next}.ts`) ?? sources.read(`${next}/index.ts`);
    if (imported !== null) parse(program, imported, `${next}.ts`, false);
  }
  for (let found = nextDiagnostic(program); found !== null; found = nextDiagnostic(program)) {
    if (isError(found)) return diagnosticFailure(found, sources);
  }
  const trees = program.sources.filter(
    (source) => !source.isLibrary && source.normalizedPath.endsWith('.ts'),
  );
  return success(trees as unknown as readonly Tree[]);
}

/** The compiler's words with the author's file, line and column. */
export function diagnosticFailure({ message, range }: Diagnostic, sources: Sources): BuildFailure {
  const what = message.replace(/\.$/, '');
  const name = range?.source?.normalizedPath;
  const text = name === undefined ? null : sources.read(name);
  if (!range || name === undefined || text === null) {
    return buildFailure('source-invalid', `${what}; mend the source and build again`);
  }
  return buildFailure('source-invalid', `${what}; mend this line and build again`, {
    file: sources.pathOf(name),
    ...lineAndColumn(text, range.start),
  });
}
