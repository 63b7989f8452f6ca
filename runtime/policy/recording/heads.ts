import type { Settings } from '../../contract.ts';
import { globalWordsMax, hostMemoryPagesMax } from '../../limits.ts';
import type { Answer, Checkpoint, Start } from './recorder.ts';

/** What a recording's frames say of themselves, checked: the file may be anybody's. Undefined: it cannot be. */
export function readStart(head: unknown): Start | undefined {
  if (!isObject(head) || !isObject(head['settings'])) return undefined;
  const { name, version, digest, node, memoryPagesMax } = head;
  if (![name, version, digest, node].every(isText) || !isWhole(memoryPagesMax, hostMemoryPagesMax))
    return undefined;
  const settings = Object.values(head['settings']);
  return settings.every((value) => ['number', 'boolean', 'string'].includes(typeof value))
    ? { ...(head as unknown as Start), settings: head['settings'] as Settings }
    : undefined;
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
  if (!isObject(head) || !isText(head['hash']) || !isWhole(head['fuel'], Number.MAX_SAFE_INTEGER))
    return undefined;
  const { status } = head;
  return isText(status) || isWhole(status, 255) ? (head as unknown as Answer) : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 256;
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
