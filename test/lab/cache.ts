import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Where a room of the tests keeps what is expensive to make: outside the clone, as XDG has it. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>, room = 'lab'): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'terrace', room);
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Answers `path`, made by `make` unless it is there. It appears under its name only when complete, so that an
 * interrupted run or one beside ours leaves nothing half-made behind.
 */
export async function cached(path: string, make: (unfinished: string) => Promise<void>): Promise<string> {
  if (await exists(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const folder = await mkdtemp(join(dirname(path), '.new-'));
  try {
    const unfinished = join(folder, basename(path));
    await make(unfinished);
    await rename(unfinished, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return path;
}

/**
 * A new folder of this process in `parent`, after those of processes that were killed have been removed. The
 * parent holds nothing else.
 */
export async function workFolder(parent: string, name: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const left of await readdir(parent)) {
    const pid = /-(\d+)-[^-]+$/.exec(left)?.[1];
    if (!(await exists(`/proc/${pid}`))) await rm(join(parent, left), { recursive: true, force: true });
  }
  return mkdtemp(join(parent, `${name}-${process.pid}-`));
}

/** SHA-256 over the contents of files, in order, shortened to 20 hexadecimal digits. */
export async function digestOf(files: readonly string[], ...salt: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const text of salt) hash.update(text).update('\0');
  for (const file of files) for await (const bytes of createReadStream(file)) hash.update(bytes);
  return hash.digest('hex').slice(0, 20);
}
