import { lstatSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure, success, type Result } from '../result.ts';

const writableByOthers = 0o022;
const sticky = 0o1000;

/**
 * Whether nobody but root can change what this path leads to: root owns it and every folder above, and nobody else may
 * write to any of them. In a sticky folder such as /tmp others cannot replace what root owns.
 * Answers the path without symbolic links.
 */
export function checkRootOwned(path: string): Result<string, 'not-roots-own'> {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    return failure('not-roots-own', `${path} cannot be found: ${(error as Error).message}`);
  }
  for (let at = real; ; at = dirname(at)) {
    const { uid, mode } = lstatSync(at);
    if (uid !== 0) return failure('not-roots-own', `${at} belongs to user ${uid}; chown it to root`);
    const shielded = at !== real && (mode & sticky) !== 0;
    if ((mode & writableByOthers) !== 0 && !shielded)
      return failure('not-roots-own', `${at} is writable by others; chmod go-w ${at}`);
    if (at === dirname(at)) return success(real);
  }
}
