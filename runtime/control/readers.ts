import { oneLine } from '../../executor/one-line.ts';
import { isFields } from '../../executor/wire/envelope.ts';

/** Takes a value of unknown origin for what it should be; undefined where it is not. */
export type Reader<T> = (value: unknown) => T | undefined;
type Readers<T> = { readonly [Name in keyof T]: Reader<T[Name]> };

export function one<T>(isOne: (value: unknown) => value is T): Reader<T> {
  return (value) => (isOne(value) ? value : undefined);
}

export function oneOf<const T extends string>(...choices: readonly T[]): Reader<T> {
  return (value) => choices.find((choice) => choice === value);
}

/** For people to read: made one line that steers no terminal, and cut to its bound. */
export function line(unitsMax: number): Reader<string> {
  return (value) => (typeof value === 'string' ? oneLine(value.slice(0, unitsMax)) : undefined);
}

export function listOf<T>(read: Reader<T>): Reader<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const items = value.map(read).filter((item) => item !== undefined);
    return items.length === value.length ? items : undefined;
  };
}

/** Every field of `required`, and those of `optional` that are there; others are left out. */
export function record<R extends object, O extends object = object>(
  required: Readers<R>,
  optional?: Readers<O>,
): Reader<R & Partial<O>> {
  return (value) => {
    if (!isFields(value)) return undefined;
    const present = Object.entries<Reader<unknown>>(optional ?? {}).filter(
      ([name]) => value[name] !== undefined,
    );
    const fields: [string, unknown][] = [];
    for (const [name, read] of [...Object.entries<Reader<unknown>>(required), ...present]) {
      const field = read(value[name]);
      if (field === undefined) return undefined;
      fields.push([name, field]);
    }
    return Object.fromEntries(fields) as R & Partial<O>;
  };
}
