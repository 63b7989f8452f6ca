/** An expected failure: a stable code to act on, and one line for people that names the next step. */
export interface Failure<Code extends string = string> {
  readonly ok: false;
  readonly code: Code;
  readonly message: string;
}

export interface Success<T> {
  readonly ok: true;
  readonly value: T;
}

/** What every fallible function of Terrace answers. Exceptions are left to bugs. */
export type Result<T, Code extends string = string> = Success<T> | Failure<Code>;

export function success<T>(value: T): Success<T> {
  return { ok: true, value };
}

export function failure<Code extends string>(code: Code, message: string): Failure<Code> {
  return { ok: false, code, message };
}
