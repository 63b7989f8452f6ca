import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A file without a name: written here, read by one policy host through a descriptor that cannot write. */
export interface SharedFile {
  readonly writable: number;
  readonly readOnly: number;
}

const FOLDER = '/dev/shm';

/** Makes a file in memory (tmpfs) and takes its name away again. Throws what open(2) refuses. */
export function createSharedFile(folder = FOLDER): SharedFile {
  const path = join(folder, `terrace-${randomBytes(16).toString('hex')}`);
  const writable = openSync(path, 'wx+', 0o600);
  try {
    return { writable, readOnly: openSync(path, 'r') };
  } catch (error) {
    closeSync(writable);
    throw error;
  } finally {
    unlinkSync(path);
  }
}

/** Writes all of `values` at `position`. */
export function writeShared(
  descriptor: number,
  values: ArrayBufferView<ArrayBufferLike>,
  position: number,
): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let at = 0; at < bytes.length;)
    at += writeSync(descriptor, bytes, at, bytes.length - at, position + at);
}
