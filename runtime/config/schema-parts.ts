import { z } from 'zod';

/**
 * Parts of the schema. What zod would say of a value is replaced by what is allowed, in one phrase; `describe-issues.ts`
 * puts the rest of the sentence around it.
 */
export function whole(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
}

export function share(max: number) {
  const allowed = `a number from 0 to ${max}`;
  return z.number(allowed).min(0, allowed).max(max, allowed);
}

export function text(pattern: RegExp, allowed: string) {
  return z.string(allowed).regex(pattern, allowed);
}

/** Parts of a path: neither empty, nor `.`, nor `..`. */
const PART = '(?!\\.{1,2}(?:/|$))[^/\\0]+';
const ABSOLUTE = new RegExp(`^/(?:${PART}(?:/${PART})*/?)?$`);
const ANY = /^[^\0]+$/;

export function absolutePath(bytesMax: number) {
  const allowed = `an absolute path of at most ${bytesMax} bytes without "//", "." and ".." in it`;
  return text(ABSOLUTE, allowed).refine((path) => Buffer.byteLength(path) <= bytesMax, allowed);
}

/** Relative to the file's folder, or absolute. */
export function anyPath(bytesMax: number) {
  const allowed = `a path of at most ${bytesMax} bytes`;
  return text(ANY, allowed).refine((path) => Buffer.byteLength(path) <= bytesMax, allowed);
}

/** A mapping that has these keys and no other. The phrase for a key that it does not have is the list of those. */
export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? keys : `a mapping with keys out of ${keys}`),
  });
}

export function list<Item extends z.ZodType>(item: Item, countMin: number, countMax: number) {
  const allowed = countMin === 0 ? `a list of at most ${countMax}` : `a list of ${countMin} to ${countMax}`;
  return z.array(item, allowed).min(countMin, allowed).max(countMax, allowed);
}

/** A mapping from names to values. */
export function record<Key extends z.core.$ZodRecordKey, Value extends z.ZodType>(
  key: Key,
  value: Value,
  countMin: number,
  countMax: number,
) {
  const allowed = `a mapping of ${countMin} to ${countMax} names`;
  return z.record(key, value, allowed).refine((made) => {
    const count = Object.keys(made).length;
    return count >= countMin && count <= countMax;
  }, allowed);
}
