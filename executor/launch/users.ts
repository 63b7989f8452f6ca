import { listAllPids } from '../linux/list-pids.ts';
import { procPath, readUids } from '../procfs/proc.ts';
import { readText } from '../procfs/read-file.ts';
import { failure, success, type Result } from '../result.ts';
import type { LaunchConfig } from './config.ts';

export type UsersFault = 'users-taken';

/**
 * The hosts' users are nobody else's: no account has such an id, and no process runs under one. Hosts of a launcher
 * that died have died with it.
 */
export function checkUsersFree(
  { uidFirst, countMax }: LaunchConfig['hosts'],
  root = '/',
): Result<true, UsersFault> {
  const within = (uid: number): boolean => uid >= uidFirst && uid < uidFirst + countMax;
  // Accounts from elsewhere (LDAP) are not listed there; the operator knows their ranges.
  const accounts = readText(`${root}etc/passwd`);
  for (const line of accounts.ok ? accounts.value.split('\n') : []) {
    const [name, , uid = ''] = line.split(':');
    if (uid !== '' && within(Number(uid)))
      return failure('users-taken', `user ${name} has id ${uid}; choose another hosts.uidFirst`);
  }
  const pids = listAllPids(root);
  for (const pid of pids.ok ? pids.value : []) {
    const uids = readUids(root, pid);
    if (uids.ok && Object.values(uids.value).some(within) && !isDead(root, pid))
      return failure(
        'users-taken',
        `process ${pid} runs under a host's user id; end it, or choose another hosts.uidFirst`,
      );
  }
  return success(true);
}

/** A process that only waits to be reaped, which is not ours to do. */
function isDead(root: string, pid: number): boolean {
  const status = readText(procPath(root, pid, 'status'));
  return !status.ok || /^State:\t[ZX]/m.test(status.value);
}
