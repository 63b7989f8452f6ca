import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { procPath } from '../procfs/proc.ts';
import { readFailure, type ReadFault } from '../procfs/read-file.ts';
import { success, type Result } from '../result.ts';

/** Every process there is, as far as /proc shows them. */
export function listAllPids(root: string): Result<readonly number[], ReadFault> {
  return listNumbers(join(root, 'proc'));
}

/** The threads of a process, its leader among them while it is not reaped. */
export function listThreads(root: string, pid: number): Result<readonly number[], ReadFault> {
  return listNumbers(procPath(root, pid, 'task'));
}

function listNumbers(folder: string): Result<readonly number[], ReadFault> {
  try {
    return success(
      readdirSync(folder)
        .filter((name) => /^[1-9]\d*$/.test(name))
        .map(Number),
    );
  } catch (error) {
    return readFailure(folder, error);
  }
}
