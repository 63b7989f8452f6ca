import { globalWordsMax, hostMemoryPagesMax } from '../../limits.ts';
import type { Answer, Checkpoint, Start } from './recorder.ts';

/** As Node names its versions. */
const NODE_VERSION = /^v\d{1,4}(\.\d{1,4}){2}[\w.+-]{0,32}$/;
/** A fault's code. */
const CODE = /^[a-z-]{1,32}$/;
/** SHA-256, or nothing where nothing was answered. */
const HASH = /^([0-9a-f]{64})?$/;

/**
 * What a recording's frames say of themselves, checked: the file may be anybody's. Undefined: it cannot be. Name,
 * version, digest and settings are the policy's to confirm.
 */
export function readStart(head: unknown): Start | undefined {
  if (!isObject(head) || !isObject(head['settings'])) return undefined;
  const { name, version, digest, node, memoryPagesMax } = head;
  if (![name, version, digest].every(isText) || !isLike(node, NODE_VERSION)) return undefined;
  return isWhole(memoryPagesMax, hostMemoryPagesMax) ? (head as unknown as Start) : undefined;
}

export function readCheckpoint(head: unknown): Checkpoint | undefined {
  if (!isObject(head) || !isWhole(head['memoryPages'], hostMemoryPagesMax)) return undefined;
  const { memoryPages, globals, pages } = head as { memoryPages: number; globals: unknown; pages: unknown };
  if (!isWhole(globals, globalWordsMax) || !Array.isArray(pages)) return undefined;
  const ascending = pages.every(
    (page, i) => isWhole(page, memoryPages - 1) && (i === 0 || page > pages[i - 1]),
  );
  return ascending ? (head as unknown as Checkpoint) : undefined;
}

export function readAnswer(head: unknown): Answer | undefined {
  if (!isObject(head) || !isLike(head['hash'], HASH) || !isWhole(head['fuel'], Number.MAX_SAFE_INTEGER))
    return undefined;
  // Nothing else that stands there is shown to anybody.
  const { status, fuel, hash } = head as unknown as Answer;
  return isLike(status, CODE) || isWhole(status, 255) ? { status, fuel, hash } : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 256;
}

function isLike(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
