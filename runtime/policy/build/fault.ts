import type { Failure, Success } from '../../../executor/result.ts';

/** Why a policy could not be built. */
export type BuildFault =
  | 'source-not-found'
  | 'source-invalid'
  | 'evaluate-missing'
  | 'setting-invalid'
  | 'config-invalid'
  | 'target-unknown'
  | 'build-tools-missing'
  | 'component-failed';

/** A place in the author's source; lines and columns start at 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface BuildFailure extends Failure<BuildFault> {
  readonly location?: SourceLocation;
}

/** A `Result` whose failures point into the source where they can. */
export type BuildResult<T> = Success<T> | BuildFailure;

/** A failure whose message starts, as compilers' do, with `file:line:column`. */
export function buildFailure(code: BuildFault, message: string, location?: SourceLocation): BuildFailure {
  if (!location) return { ok: false, code, message };
  const where = `${location.file}:${location.line}:${location.column}`;
  return { ok: false, code, message: `${where} ${message}`, location };
}
