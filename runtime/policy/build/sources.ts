import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** Where the compiler finds the kit; asconfig.json names files of it. */
export const KIT = 'policies/sdk/';
export const ENTRY = `${KIT}entry.ts`;

/**
 * The files a build sees, under names that do not depend on where they lie, so that one source gives the
 * same bytes everywhere: the kit and asconfig.json of this package, and the author's folder as `policies/`.
 * A `sdk` folder beside the author's file is therefore never read. `policy` names the author's file, whatever its name.
 */
export interface Sources {
  /** Name of the author's file, for the compiler. */
  readonly name: string;
  /** The text of a file, or null. */
  read(name: string): string | null;
  /** The path on disk behind a name, as the author wrote it. */
  pathOf(name: string): string;
}

export function openSources(root: string, file: string, policy: string): Sources {
  const folder = dirname(file);
  const own = `policies/${policy}.ts`;
  const pathOf = (name: string) => {
    const path = normalize(name);
    if (path === own) return normalize(file);
    if (path === 'asconfig.json' || path.startsWith(KIT)) return join(root, path);
    return path.startsWith('policies/')
      ? join(folder, path.slice('policies/'.length))
      : join(folder, '..', path);
  };
  return { name: own, pathOf, read: (name) => readText(pathOf(name)) };
}

export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
