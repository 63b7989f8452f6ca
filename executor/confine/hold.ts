import { accessSync, constants, writeFileSync } from 'node:fs';
import { BELTS, REPORT_BOUNDS } from '../confinement.ts';
import type { Belt, Confinement, ConfinementReport } from '../confinement.ts';
import {
  closeCapabilitySources,
  dropCapabilities,
  endWithParent,
  hasCapabilities,
  restoreRoot,
  setIdentity,
  setNoNewPrivileges,
} from '../linux/credentials.ts';
import { createDomain, FILE_RIGHT } from '../linux/landlock.ts';
import type { Domain } from '../linux/landlock.ts';
import { lowerLimit, RESOURCE } from '../linux/rlimits.ts';
import { installFilter } from '../linux/seccomp.ts';
import type { Result } from '../result.ts';
import { checkedCalls } from './checked-calls.ts';
import { assembleFilter } from './filter.ts';
import { CONFINE_BOUNDS } from './limits.ts';
import type { Image } from './own-image.ts';

/** The stage's own facts. */
export interface Stage {
  readonly pid: number;
  readonly uid: number;
  readonly image: Image;
  /** What the filter wants with an execve; see `checkedCalls`. */
  readonly pass: readonly bigint[];
}

/** The loader's index of libraries and what OpenSSL insists on; public, both. */
const ALSO_READ = ['/etc/ld.so.cache', '/etc/ssl/openssl.cnf'];

/** Why a belt does not hold; nothing where it does. */
type Why = string | undefined;

/**
 * Holds the calling thread, belt by belt, each whether or not the others do. The order matters: a cgroup and
 * another user need the rights that are then dropped, and nothing after the filter may ask for much.
 */
export function holdHost(asked: Confinement, stage: Stage): ConfinementReport {
  const why = new Map<Belt, Why>();
  why.set('cgroup', enterCgroup(asked.cgroup, stage));
  const domain = prepareDomain(asked, stage.image);
  const noUser = becomeUser(asked, stage);
  why.set('user', noUser);
  const dropped = dropCapabilities();
  why.set(
    'capabilities',
    hasCapabilities() ? `some are left (${nameErrno(dropped) ?? 'no error'})` : undefined,
  );
  why.set('limits', lowerLimits(asked.descriptorsMax, noUser === undefined));
  // Forgotten by the kernel at any change of credentials, so not before the last one.
  endWithParent();
  why.set('no-new-privileges', nameErrno(setNoNewPrivileges()));
  why.set('landlock', domain.ok ? nameErrno(domain.value.enter()) : domain.message);
  const filter = assembleFilter(checkedCalls(stage.pid, stage.pass));
  why.set('seccomp', nameErrno(installFilter(filter)));
  return report(why, domain.ok ? domain.value.abi : 0);
}

function enterCgroup(folder: string | undefined, { pid }: Stage): Why {
  if (folder === undefined) return 'none given';
  return attempt(() => writeFileSync(`${folder}/cgroup.procs`, String(pid), { flag: 'r+' }));
}

/** Before another user could not open what is named. What cannot be named stays shut. */
function prepareDomain(
  { readable }: Confinement,
  { executable, libraries }: Image,
): Result<Domain, 'landlock-missing'> {
  const domain = createDomain();
  if (!domain.ok) return domain;
  const { allow } = domain.value;
  const { execute, read } = FILE_RIGHT;
  for (const path of executable) attempt(() => allow(path, execute | read));
  for (const path of [...libraries, ...readable, ...ALSO_READ]) attempt(() => allow(path, read));
  return domain;
}

/** Also closes every way by which root's user id, or an execve, would give capabilities back. */
function becomeUser({ user, readable }: Confinement, { uid, image }: Stage): Why {
  if (uid !== 0) return 'not root';
  const needed = [...image.executable, ...image.libraries, ...readable];
  const unreachable = user && findUnreachable(user, needed);
  const closed = closeCapabilitySources();
  if (user === undefined) return 'none given';
  return unreachable ?? nameErrno(closed || setIdentity(user.uid, user.gid));
}

/** Looks through the eyes of that user, and comes back: after the change it would be too late to stay root. */
function findUnreachable({ uid, gid }: { uid: number; gid: number }, paths: readonly string[]): Why {
  const changed = setIdentity(uid, gid, 0, 0);
  const hidden = paths.find((path) => attempt(() => accessSync(path, constants.R_OK)) !== undefined);
  const restored = restoreRoot();
  if (restored !== 0) throw new Error(`the stage cannot go back to root: ${nameErrno(restored)}`);
  if (changed !== 0) return nameErrno(changed);
  return hidden === undefined ? undefined : `${hidden} is out of reach for user ${uid}`;
}

/** No core, no file grown, no memory locked, no queue; and bounds on descriptors and, for a user of its own, processes. */
function lowerLimits(descriptorsMax: number, ownUser: boolean): Why {
  const none = [
    RESOURCE.coreBytes,
    RESOURCE.fileBytes,
    RESOURCE.lockedBytes,
    RESOURCE.queueBytes,
    RESOURCE.nice,
    RESOURCE.realTimePriority,
  ];
  const errnos = [
    ...none.map((resource) => lowerLimit(resource, 0)),
    lowerLimit(RESOURCE.descriptors, descriptorsMax),
    ...(ownUser ? [lowerLimit(RESOURCE.processes, CONFINE_BOUNDS.threadsOfUserMax)] : []),
  ];
  return nameErrno(errnos.find((errno) => errno !== 0) ?? 0);
}

function report(why: ReadonlyMap<Belt, Why>, landlockAbi: number): ConfinementReport {
  const held = BELTS.filter((belt) => why.get(belt) === undefined);
  const missing = BELTS.flatMap((belt) => {
    const reason = why.get(belt);
    return reason === undefined ? [] : [{ belt, why: reason.slice(0, REPORT_BOUNDS.reasonLengthMax) }];
  });
  return { held, missing, ...(held.includes('landlock') ? { landlockAbi } : {}) };
}

function attempt(action: () => number | void): Why {
  try {
    return nameErrno(action() ?? 0);
  } catch (error) {
    return (error as Error).message;
  }
}

function nameErrno(errno: number): Why {
  return errno === 0 ? undefined : `errno ${errno}`;
}
