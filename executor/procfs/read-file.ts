import { closeSync, openSync, readSync } from 'node:fs';
import { failure, success, type Result } from '../result.ts';

/** Longest text read at once; numa_maps of a process with 65,530 mappings stays below it. */
export const TEXT_BYTES_MAX = 64 * 2 ** 20;

export type ReadFault = 'file-missing' | 'permission-missing' | 'file-unreadable' | 'file-too-large';

/**
 * The whole text of a /proc, /sys or configuration file. These report no size, so it is read to its end.
 * A process that exits while it is being read counts as missing.
 */
export function readText(path: string, bytesMax = TEXT_BYTES_MAX): Result<string, ReadFault> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return readFailure(path, error);
  }
  try {
    const parts: Buffer[] = [];
    for (let total = 0; ;) {
      const part = Buffer.allocUnsafe(65_536);
      const bytes = readSync(fd, part, 0, part.length, null);
      if (bytes === 0) return success(Buffer.concat(parts).toString('utf8'));
      total += bytes;
      if (total > bytesMax)
        return failure('file-too-large', `${path} exceeds ${bytesMax} bytes; see what wrote it`);
      parts.push(part.subarray(0, bytes));
    }
  } catch (error) {
    return readFailure(path, error);
  } finally {
    closeSync(fd);
  }
}

/** Turns what node:fs threw into a failure; anything but a system error is a bug and thrown on. */
export function readFailure(path: string, error: unknown): ReturnType<typeof failure<ReadFault>> {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) throw error;
  if (code === 'ENOENT' || code === 'ESRCH')
    return failure('file-missing', `${path} does not exist (${code})`);
  if (code === 'EACCES' || code === 'EPERM')
    return failure(
      'permission-missing',
      `${path}: ${code}; grant the capability that SYSCALLS.md lists for it`,
    );
  return failure('file-unreadable', `${path}: ${code}; check that the file system is mounted`);
}
