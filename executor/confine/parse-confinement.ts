import { BELTS } from '../confinement.ts';
import type { Belt, Confinement } from '../confinement.ts';
import { failure, success } from '../result.ts';
import type { Result } from '../result.ts';

/** Descriptors a host may hold: Node itself opens about twenty. */
const DESCRIPTORS_MIN = 32;
const DESCRIPTORS_MAX = 1024;
/** 2^32 - 1 means "unchanged" to setresuid(2). */
const ID_MAX = 4_294_967_294;

type Fields = Readonly<Record<string, unknown>>;
type Judged<T> = Result<T, 'confinement-invalid'>;

/** The stage's first argument. Its writer is trusted; a slip of it must not start a host that is held less. */
export function parseConfinement(text: string): Judged<Confinement> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return invalid('it is no JSON');
  }
  if (!isFields(json)) return invalid('it is no object');
  const { readable, user, cgroup, descriptorsMax, required = [], ...others } = json;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return invalid(`it has a field ${unknown}`);
  if (!isListOf(readable, isAbsolutePath)) return invalid('`readable` is no list of absolute paths');
  if (user !== undefined && !isUser(user)) return invalid('`user` needs uid and gid, both above 0');
  if (cgroup !== undefined && !isAbsolutePath(cgroup)) return invalid('`cgroup` is no absolute path');
  if (!isWhole(descriptorsMax, DESCRIPTORS_MIN, DESCRIPTORS_MAX))
    return invalid(`\`descriptorsMax\` is not from ${DESCRIPTORS_MIN} to ${DESCRIPTORS_MAX}`);
  if (!isListOf(required, isBelt)) return invalid(`\`required\` takes ${BELTS.join(', ')}`);
  return success({
    ...{ readable, descriptorsMax, required },
    ...(user === undefined ? {} : { user }),
    ...(cgroup === undefined ? {} : { cgroup }),
  });
}

function invalid(why: string): Judged<never> {
  return failure('confinement-invalid', `a host cannot be held as asked: ${why}`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf<T>(value: unknown, isOne: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isOne);
}

function isAbsolutePath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/') && !value.includes('\0');
}

function isBelt(value: unknown): value is Belt {
  return BELTS.some((belt) => belt === value);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

function isUser(value: unknown): value is { uid: number; gid: number } {
  return isFields(value) && isWhole(value['uid'], 1, ID_MAX) && isWhole(value['gid'], 1, ID_MAX);
}
