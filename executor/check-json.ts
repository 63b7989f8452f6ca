import { BOUNDS } from './limits.ts';
import { oneLine } from './one-line.ts';
import { type Result, failure, success } from './result.ts';

/** Leaves a check from any depth; never leaves this file. */
class Refusal extends Error {}

export type Fields = Readonly<Record<string, unknown>>;

export type Reader<T> = (value: unknown, path: string) => T;

/**
 * Runs `read` over an operator's file, already parsed as JSON. What the checks below refuse is its failure, with
 * the path, the value and what is allowed.
 */
export function checkJson<T, Code extends string>(code: Code, read: () => T): Result<T, Code> {
  try {
    return success(read());
  } catch (error) {
    if (error instanceof Refusal) return failure(code, oneLine(error.message));
    throw error;
  }
}

/** With `known`, strict: a misspelt limit would otherwise be no limit. */
export function fields(value: unknown, path: string, known?: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(path, value, 'an object');
  }
  const stranger = known && Object.keys(value).find((key) => !known.split(' ').includes(key));
  if (stranger !== undefined) refuse(path, `key "${stranger}"`, `only ${known}`);
  return value as Fields;
}

export function list<T>(value: unknown, path: string, read: Reader<T>): readonly T[] {
  if (!Array.isArray(value)) return refuse(path, value, 'a list');
  if (value.length > BOUNDS.limitsListMax) {
    return refuse(path, `${value.length} items`, `at most ${BOUNDS.limitsListMax}`);
  }
  return value.map((item: unknown, index) => read(item, `${path}[${index}]`));
}

export function whole(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    return refuse(path, value, `a whole number from ${min} to ${max}`);
  }
  return value;
}

export function truth(value: unknown, path: string): boolean {
  return typeof value === 'boolean' ? value : refuse(path, value, 'true or false');
}

export function oneOf<T extends string>(value: unknown, path: string, allowed: readonly T[]): T {
  return allowed.find((item) => item === value) ?? refuse(path, value, allowed.join(' or '));
}

export function absolutePath(value: unknown, path: string): string {
  const valid =
    typeof value === 'string' &&
    value.startsWith('/') &&
    Buffer.byteLength(value) <= BOUNDS.pathBytesMax &&
    !value.includes('\0') &&
    !value.split('/').includes('..');
  return valid ? value : refuse(path, value, 'an absolute path without ".."');
}

export const userId: Reader<number> = (value, path) => whole(value, path, 0, 4_294_967_294);

/** Without trailing slashes, so that prefixes compare part by part. */
export const folderPath: Reader<string> = (value, path) =>
  absolutePath(value, path).replace(/(?<=.)\/+$/, '');

export function refuse(path: string, value: unknown, allowed: string): never {
  const shown = (typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))).slice(0, 80);
  throw new Refusal(`${path} is ${shown}; allowed: ${allowed}`);
}
