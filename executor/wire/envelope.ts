import { failure, success, type Result } from '../result.ts';

/** The id of a reply to something that had none. */
export const ID_NONE = 0;
const ID_MAX = 2 ** 32 - 1;

export type Fields = Readonly<Record<string, unknown>>;

/** The id to answer a request under, as far as there is one. */
export function readId(message: unknown): number {
  return isFields(message) && isCount(message.id, ID_MAX) ? message.id : ID_NONE;
}

/** Ids run from 1 to 2^32 - 1 and start over. */
export function nextId(id: number): number {
  return (id % ID_MAX) + 1;
}

/**
 * What a reply `{ id, ok, value | code, message }` says, its value still unread; undefined when it is none,
 * one to another request, or names a code outside the set.
 */
export function readReply<Code extends string>(
  message: unknown,
  id: number,
  codes: ReadonlySet<Code>,
): Result<unknown, Code> | undefined {
  if (!isFields(message)) return undefined;
  const { ok, code, message: text } = message;
  // A refusal of the frame itself carries no id, since none could be read.
  if (message.id !== id && !(ok === false && message.id === ID_NONE)) return undefined;
  if (ok === true) return success(message.value);
  if (ok !== false || typeof text !== 'string' || !codes.has(code as Code)) return undefined;
  return failure(code as Code, text);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

export function isCount(value: unknown, max = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
