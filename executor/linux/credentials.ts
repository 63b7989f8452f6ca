import { lastErrno, libc } from './libc.ts';

const syscallPrctl = 157;
const syscallSetgroups = 116;
const syscallSetresuid = 117;
const syscallSetresgid = 119;
const syscallCapget = 125;
const syscallCapset = 126;

/**
 * long syscall(long number, long, long, long, long, long)
 *
 * SAFETY: prctl(2), setresuid(2) and setresgid(2) by number: glibc's wrappers of the latter two signal every
 * thread to follow, and only the thread that calls execve next is to change. Integers alone, no pointer.
 */
const change = libc.func('syscall', 'int64', ['int64', 'int64', 'int64', 'int64', 'int64', 'int64']);

/**
 * long syscall(long number, long | cap_user_header_t, void *)
 *
 * SAFETY: setgroups(2) with no group and NULL. Nothing is read behind the pointer.
 */
const changeGroups = libc.func('syscall', 'int64', ['int64', 'int64', 'void *']);

/**
 * long syscall(long number, cap_user_header_t header, cap_user_data_t data)
 *
 * SAFETY: capget(2) and capset(2). Both arrays are pinned by koffi until this synchronous call returns; version 3
 * of the header means two records of three 32-bit words, 24 bytes, which `data` always is.
 */
const exchangeCapabilities = libc.func('syscall', 'int64', ['int64', 'void *', 'void *']);

/** _LINUX_CAPABILITY_VERSION_3, the calling thread; include/uapi/linux/capability.h. */
const capabilityHeader = (): Uint32Array => new Uint32Array([0x20080522, 0]);
const CAPABILITY_WORDS = 6;
/** Highest bit that a 64-bit set can have; the kernel refuses what it does not know with EINVAL. */
const CAPABILITIES_MAX = 64;

/** include/uapi/linux/prctl.h */
const PRCTL = {
  setParentDeathSignal: 1,
  dropFromBounding: 24,
  setSecureBits: 28,
  setNoNewPrivileges: 38,
  ambient: 47,
} as const;
const SIGKILL = 9;
const AMBIENT_CLEAR_ALL = 4;
/**
 * Root's user id means nothing, changing it changes no capability, none survives it, none becomes ambient: each
 * with its lock; include/uapi/linux/securebits.h.
 */
const SECURE_BITS = { noRoot: 0b11, noFixup: 0b1100, keepCapsLocked: 0b10_0000, noAmbientRaise: 0b1100_0000 };

/** errno, or 0. */
function errnoOf(returned: number): number {
  return returned === -1 ? lastErrno() : 0;
}

/** No execve of this thread ever grants what it did not have before; for good. */
export function setNoNewPrivileges(): number {
  return errnoOf(change(syscallPrctl, PRCTL.setNoNewPrivileges, 1, 0, 0, 0));
}

/** Leaves nothing that an execve could give back. Needs CAP_SETPCAP. */
export function closeCapabilitySources(): number {
  for (let capability = 0; capability < CAPABILITIES_MAX; capability++)
    if (change(syscallPrctl, PRCTL.dropFromBounding, capability, 0, 0, 0) === -1) {
      if (capability > 0) break;
      return lastErrno();
    }
  const { noRoot, noFixup, keepCapsLocked, noAmbientRaise } = SECURE_BITS;
  const bits = noRoot | noFixup | keepCapsLocked | noAmbientRaise;
  return errnoOf(change(syscallPrctl, PRCTL.setSecureBits, bits, 0, 0, 0));
}

/** Empties the ambient, effective, permitted and inheritable sets of the calling thread. */
export function dropCapabilities(): number {
  change(syscallPrctl, PRCTL.ambient, AMBIENT_CLEAR_ALL, 0, 0, 0);
  return errnoOf(exchangeCapabilities(syscallCapset, capabilityHeader(), new Uint32Array(CAPABILITY_WORDS)));
}

/** Whether the calling thread has a capability in any set but the bounding one. */
export function hasCapabilities(): boolean {
  const sets = new Uint32Array(CAPABILITY_WORDS);
  const read = exchangeCapabilities(syscallCapget, capabilityHeader(), sets);
  return read === -1 || sets.some((word) => word !== 0);
}

/** No supplementary group; then the group and the user, real and effective. Saved ones let the way back open. */
export function setIdentity(uid: number, gid: number, savedUid = uid, savedGid = gid): number {
  return (
    errnoOf(changeGroups(syscallSetgroups, 0, null)) ||
    errnoOf(change(syscallSetresgid, gid, gid, savedGid, 0, 0)) ||
    errnoOf(change(syscallSetresuid, uid, uid, savedUid, 0, 0))
  );
}

/** From an identity whose saved ones are root's back to root, with root's capabilities. */
export function restoreRoot(): number {
  return errnoOf(change(syscallSetresuid, 0, 0, 0, 0, 0)) || errnoOf(change(syscallSetresgid, 0, 0, 0, 0, 0));
}

/** SIGKILL when the thread that started this process ends. Survives execve, but no change of credentials. */
export function endWithParent(): number {
  return errnoOf(change(syscallPrctl, PRCTL.setParentDeathSignal, SIGKILL, 0, 0, 0));
}
