/** The low word of an argument, unless `high`: it has one of these values, all of these bits, none of those. */
export interface Condition {
  readonly argument: number;
  readonly high?: true;
  readonly values?: readonly number[];
  /** One bit. */
  readonly set?: number;
  readonly clear?: number;
}

/** A call that a host may make in some ways only: those that meet every condition. */
export interface CheckedCall {
  readonly name: string;
  readonly number: number;
  readonly allowed: readonly Condition[];
}

/** include/uapi/asm-generic/fcntl.h: anything but reading what is there; O_PATH besides, which no wall judges. */
const O_CHANGING = {
  writeOnly: 1,
  readWrite: 2,
  create: 0o100,
  truncate: 0o1000,
  append: 0o2000,
  async: 0o20_000,
  path: 0o10_000_000,
  temporary: 0o20_000_000,
} as const;

/** include/uapi/asm-generic/mman-common.h; a mapping of its own only, no huge pages, no stack that grows. */
const MAP = { shared: 1, growsDown: 0x100, locked: 0x2000, hugePages: 0x40000 } as const;

/** include/uapi/linux/sched.h: a thread of this very process, as glibc and musl ask for it. */
const CLONE_THREAD = 0x10000;
const CLONE_OF_THREAD = 0x7d0f00;

/** normal … dontneed, free, dontfork, dofork, hugepage … dodump, wipeonfork, keeponfork, populate. */
const ADVICE = [0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 18, 19, 22, 23];
/** TCGETS, FIONBIO, FIONREAD, FIONCLEX, FIOCLEX. */
const DEVICE_REQUESTS = [0x5401, 0x5421, 0x541b, 0x5450, 0x5451];
/** F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: no locks, no leases, no owner to signal. */
const DESCRIPTOR_COMMANDS = [0, 1, 2, 3, 4, 1030];
/** Its name, whether no-new-privileges and a filter hold, names of mappings (PR_SET_VMA). */
const PROCESS_OPTIONS = [15, 16, 21, 39, 0x53564d41];

function bits(flags: Readonly<Record<string, number>>): number {
  return Object.values(flags).reduce((all, flag) => all | flag, 0);
}

/**
 * `pid` is the host's own, which execve keeps. `pass` are three words that execve(2) ignores and the filter wants:
 * random, known to the stage alone, and gone with it. So the host becomes nothing else, not even Node.
 */
export function checkedCalls(pid: number, pass: readonly bigint[]): readonly CheckedCall[] {
  const itself = { argument: 0, values: [0, pid] };
  const opening = (argument: number): Condition => ({ argument, clear: bits(O_CHANGING) });
  return [
    { name: 'open', number: 2, allowed: [opening(1)] },
    { name: 'openat', number: 257, allowed: [opening(2)] },
    { name: 'mmap', number: 9, allowed: [{ argument: 3, clear: bits(MAP) }] },
    { name: 'madvise', number: 28, allowed: [{ argument: 2, values: ADVICE }] },
    { name: 'ioctl', number: 16, allowed: [{ argument: 1, values: DEVICE_REQUESTS }] },
    { name: 'fcntl', number: 72, allowed: [{ argument: 1, values: DESCRIPTOR_COMMANDS }] },
    { name: 'prctl', number: 157, allowed: [{ argument: 0, values: PROCESS_OPTIONS }] },
    {
      name: 'clone',
      number: 56,
      allowed: [
        { argument: 0, set: CLONE_THREAD },
        { argument: 0, clear: ~CLONE_OF_THREAD >>> 0 },
      ],
    },
    { name: 'execve', number: 59, allowed: pass.flatMap((word, i) => wordIs(3 + i, word)) },
    { name: 'tgkill', number: 234, allowed: [{ argument: 0, values: [pid] }] },
    { name: 'prlimit64', number: 302, allowed: [itself] },
    { name: 'sched_getaffinity', number: 204, allowed: [itself] },
  ];
}

function wordIs(argument: number, word: bigint): readonly Condition[] {
  return [
    { argument, values: [Number(word & 0xffff_ffffn)] },
    { argument, high: true, values: [Number(word >> 32n)] },
  ];
}
