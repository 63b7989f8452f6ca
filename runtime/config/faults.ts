import type { Failure, Success } from '../../executor/result.ts';
import { configFaultsMax } from '../limits.ts';

/** The way to a value: keys of mappings, positions in lists. */
export type Path = readonly PropertyKey[];

/** `FILE:LINE:COLUMN` of a key or list item, or of the last one on the way there; lines and columns start at 1. */
export type PlaceOf = (path: Path) => string;

/** Everything that is wrong, each message beginning with its place. Code and message of its own are the first one's. */
export interface ConfigFailure<Code extends string = string> extends Failure<Code> {
  readonly faults: readonly Failure<Code>[];
}

/** A `Result` that tells every fault, not only the first. */
export type ConfigResult<T, Code extends string> = Success<T> | ConfigFailure<Code>;

/** Of at least one fault; of more than `configFaultsMax` it is told that there are more. */
export function refuse<Code extends string>(found: readonly Failure<Code>[]): ConfigFailure<Code> {
  const { code, message } = found[0]!;
  const others = Math.min(found.length, configFaultsMax) - 1;
  const more =
    others === 0 ? '' : ` (and ${found.length > configFaultsMax ? 'at least ' : ''}${others} more)`;
  return { ok: false, code, message: `${message}${more}`, faults: found.slice(0, configFaultsMax) };
}

/** `scopes.batch.quotas[0].to`, as messages call it. */
export function formatPath(path: Path): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`))
    .join('');
}
