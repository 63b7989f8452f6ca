import { globalWordsMax, hostMemoryPagesMax } from '../../limits.ts';
import { isObject, isWhole, matches } from '../checks.ts';
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
  const areTexts = [name, version, digest].every((text) => typeof text === 'string');
  if (!areTexts || !matches(node, NODE_VERSION)) return undefined;
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
  if (!isObject(head) || !matches(head['hash'], HASH) || !isWhole(head['fuel'], Number.MAX_SAFE_INTEGER))
    return undefined;
  // Nothing else that stands there is shown to anybody.
  const { status, fuel, hash } = head as unknown as Answer;
  return matches(status, CODE) || isWhole(status, 255) ? { status, fuel, hash } : undefined;
}
