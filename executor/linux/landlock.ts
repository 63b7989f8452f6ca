import { closeSync, constants, openSync } from 'node:fs';
import { failure, success } from '../result.ts';
import type { Result } from '../result.ts';
import { lastErrno, libc } from './libc.ts';

const syscallLandlockCreateRuleset = 444;
const syscallLandlockAddRule = 445;
const syscallLandlockRestrictSelf = 446;

/**
 * long syscall(long number, const struct landlock_ruleset_attr *attr, size_t size, __u32 flags)
 *
 * SAFETY: landlock_create_ruleset(2). `attr` is NULL where the version is asked, else three 64-bit words of which
 * the kernel reads `size` bytes; pinned by koffi until this synchronous call returns.
 */
const createRuleset = libc.func('syscall', 'int64', ['int64', 'void *', 'size_t', 'uint32']);

/**
 * long syscall(long number, int ruleset, int type, const struct landlock_path_beneath_attr *attr, __u32 flags)
 *
 * SAFETY: landlock_add_rule(2). `attr` is packed, 12 bytes: 64 bits of rights and a descriptor; pinned by koffi
 * until this synchronous call returns.
 */
const addRule = libc.func('syscall', 'int64', ['int64', 'int', 'int', 'void *', 'uint32']);

/**
 * long syscall(long number, int ruleset, __u32 flags)
 *
 * SAFETY: landlock_restrict_self(2), of the calling thread. Integers alone.
 */
const restrictSelf = libc.func('syscall', 'int64', ['int64', 'int', 'uint32']);

/** include/uapi/linux/landlock.h */
const CREATE_RULESET_VERSION = 1;
const RULE_PATH_BENEATH = 1;
export const FILE_RIGHT = { execute: 1n, read: 4n } as const;
/** LANDLOCK_ACCESS_NET_BIND_TCP and _CONNECT_TCP; LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET and _SIGNAL. */
const NET_ALL = 3n;
const SCOPE_ALL = 3n;
const PATH_RULE_BYTES = 12;
const O_PATH = 0o10_000_000;

/** The rights to files that a version knows: moving between folders came with 2, truncation 3, device ioctls 5. */
function fileRightsOf(abi: number): bigint {
  const bits = abi >= 5 ? 16n : abi >= 3 ? 15n : abi >= 2 ? 14n : 13n;
  return (1n << bits) - 1n;
}

/** A domain that is built but not entered yet: rules may only be added until then. */
export interface Domain {
  readonly abi: number;
  /** Lets the domain's processes do that to a file, or to all files below a folder. errno, or 0. */
  allow(path: string, rights: bigint): number;
  /** Enters it, for good: the calling thread and all it becomes. errno, or 0. */
  enter(): number;
}

/** A domain that refuses every right this kernel's Landlock can refuse; answers its errno where there is none. */
export function createDomain(): Result<Domain, 'landlock-missing'> {
  const abi: number = createRuleset(syscallLandlockCreateRuleset, null, 0, CREATE_RULESET_VERSION);
  if (abi < 1) return failure('landlock-missing', `this kernel has none (errno ${lastErrno()})`);
  const attributes = new BigUint64Array([fileRightsOf(abi), NET_ALL, SCOPE_ALL]);
  const words = abi >= 6 ? 3 : abi >= 4 ? 2 : 1;
  const ruleset: number = createRuleset(syscallLandlockCreateRuleset, attributes, 8 * words, 0);
  if (ruleset === -1) return failure('landlock-missing', `no ruleset can be made (errno ${lastErrno()})`);
  return success({
    abi,
    allow(path, rights) {
      const descriptor = openSync(path, O_PATH | constants.O_RDONLY);
      const rule = new DataView(new ArrayBuffer(PATH_RULE_BYTES));
      rule.setBigUint64(0, rights, true);
      rule.setInt32(8, descriptor, true);
      const bytes = new Uint8Array(rule.buffer);
      const added = addRule(syscallLandlockAddRule, ruleset, RULE_PATH_BENEATH, bytes, 0);
      const errno = added === -1 ? lastErrno() : 0;
      closeSync(descriptor);
      return errno;
    },
    enter: () => (restrictSelf(syscallLandlockRestrictSelf, ruleset, 0) === -1 ? lastErrno() : 0),
  });
}
