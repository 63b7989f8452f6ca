import { createWriteStream } from 'node:fs';
import { lstat, readFile, readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';

/** One member of an initramfs. `from` is a host file or folder; folders come with everything inside. */
export type Entry =
  | { readonly path: string; readonly from: string; readonly mode?: number }
  | { readonly path: string; readonly text: string; readonly mode?: number }
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly folder: true };

const FOLDER = 0o040755;
const FILE = 0o100000;
const LINK = 0o120777;

const padding = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4);

/** Header of the newc format (kernel Documentation/driver-api/early-userspace/buffer-format.rst). */
function header(path: string, mode: number, length: number, serial: number): Buffer {
  const name = Buffer.from(`${path}\0`);
  const fields = [serial, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name.length, 0];
  const digits = fields.map((value) => value.toString(16).padStart(8, '0')).join('');
  const head = Buffer.concat([Buffer.from(`070701${digits}`), name]);
  return Buffer.concat([head, padding(head.length)]);
}

async function* members(
  entries: Iterable<Entry>,
  skip: (path: string) => boolean,
): AsyncGenerator<[string, number, Buffer]> {
  for (const entry of entries) {
    if (skip(entry.path)) continue;
    if ('folder' in entry) yield [entry.path, FOLDER, Buffer.alloc(0)];
    else if ('link' in entry) yield [entry.path, LINK, Buffer.from(entry.link)];
    else if ('text' in entry) yield [entry.path, FILE | (entry.mode ?? 0o644), Buffer.from(entry.text)];
    else yield* hostMembers(entry.path, entry.from, entry.mode, skip);
  }
}

async function* hostMembers(
  path: string,
  from: string,
  mode: number | undefined,
  skip: (path: string) => boolean,
): AsyncGenerator<[string, number, Buffer]> {
  const facts = await stat(from);
  if (!facts.isDirectory()) {
    yield [path, FILE | (mode ?? facts.mode & 0o777), await readFile(from)];
    return;
  }
  yield [path, FOLDER, Buffer.alloc(0)];
  const names = (await readdir(from)).toSorted();
  for (const name of names) {
    const inner = join(path, name);
    if (skip(inner)) continue;
    const source = join(from, name);
    if ((await lstat(source)).isSymbolicLink()) yield [inner, LINK, Buffer.from(await readlink(source))];
    else yield* hostMembers(inner, source, undefined, skip);
  }
}

/** Every folder on the way to each path, parents first: the kernel makes none by itself. */
function folders(entries: readonly Entry[]): Entry[] {
  const found = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) found.add(parts.slice(0, depth).join('/'));
  }
  return [...found].map((path) => ({ path, folder: true }));
}

/**
 * Writes an uncompressed cpio: what the kernel unpacks fastest under emulation, and the only kind that another
 * archive may be appended to. `flags` 'a' appends.
 */
export async function writeArchive(
  file: string,
  entries: readonly Entry[],
  options: { readonly append?: boolean; readonly skip?: (path: string) => boolean } = {},
): Promise<void> {
  const out = createWriteStream(file, { flags: options.append ? 'a' : 'w' });
  const skip = options.skip ?? (() => false);
  let serial = 1;
  for await (const [path, mode, data] of members([...folders(entries), ...entries], skip)) {
    out.write(header(path, mode, data.length, serial++));
    out.write(data);
    if (!out.write(padding(data.length))) await once(out, 'drain');
  }
  const trailer = header('TRAILER!!!', 0, 0, 0);
  out.end(trailer);
  await once(out, 'close');
}
