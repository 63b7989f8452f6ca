import type { z } from 'zod';
import { failure, type Failure } from '../../executor/result.ts';
import { configFaultsMax } from '../limits.ts';
import { quote } from '../policy/quote.ts';
import { formatPath, type Path } from './faults.ts';
import { findNearest } from './nearest.ts';
import type { YamlFile } from './read-yaml.ts';

type Issue = z.core.$ZodIssue;

/** What zod found in a file, as faults: place, name, value and what is allowed. One for each value. */
export function describeIssues(
  issues: readonly Issue[],
  { value, placeOf }: YamlFile,
): readonly Failure<'config-malformed'>[] {
  const faults = new Map<string, Failure<'config-malformed'>>();
  for (const issue of issues) {
    for (const { path, message } of describe(issue, value)) {
      const name = formatPath(path);
      if (faults.size > configFaultsMax) break;
      faults.set(name, failure('config-malformed', `${placeOf(path)} ${message}`));
    }
  }
  return [...faults.values()];
}

interface Described {
  readonly path: Path;
  readonly message: string;
}

function describe(issue: Issue, root: unknown): Described[] {
  const { path, message: allowed } = issue;
  if (issue.code === 'unrecognized_keys') return describeUnknown(path, issue.keys, allowed.split(', '));
  if (issue.code === 'invalid_key') return [describeKey(path, issue.issues[0]?.message ?? allowed)];
  const value = path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown>)?.[part], root);
  const name = path.length === 0 ? 'the file' : formatPath(path);
  const message =
    value === undefined
      ? `${name} is missing; it must be ${allowed}`
      : `${name} is ${show(value)}; allowed: ${allowed}`;
  return [{ path, message }];
}

function describeUnknown(path: Path, keys: readonly string[], known: readonly string[]): Described[] {
  const where = path.length === 0 ? 'the file' : formatPath(path);
  return keys.slice(0, configFaultsMax + 1).map((key) => {
    const nearest = findNearest(key, known).join(', ');
    return {
      path: [...path, key],
      message: `${where} has an unknown key ${quote(key)}; nearest: ${nearest}`,
    };
  });
}

function describeKey(path: Path, allowed: string): Described {
  const where = formatPath(path.slice(0, -1));
  return { path, message: `${where} has the key ${quote(path.at(-1))}; allowed: ${allowed}` };
}

/** Of lists and mappings only how long they are. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return `a mapping of ${Object.keys(value).length}`;
  return typeof value === 'number' ? String(value) : quote(value);
}
