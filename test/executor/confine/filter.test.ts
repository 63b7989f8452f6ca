import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkedCalls } from '../../../executor/confine/checked-calls.ts';
import { assembleFilter } from '../../../executor/confine/filter.ts';
import { CALL_NUMBER_MAX, PRETENDED_CALLS, REFUSED_CALLS } from '../../../executor/confine/refused-calls.ts';
import { repetitions } from '../../proof.ts';
import { X86_64, runFilter } from './bpf-machine.ts';

const ALLOWED = 0x7fff_0000;
const REFUSED = 0x0005_0001;
const PRETENDED = 0x0005_0000;
const UNKNOWN = 0x0005_0026;
const KILLED = 0x8000_0000;
const I386 = 0x4000_0003;
const X32 = 0x4000_0000;

const pid = 4711;
const pass = [0x1122_3344_5566_7788n, 0xffff_ffff_0000_0000n, 1n];
const checked = checkedCalls(pid, pass);
const filter = assembleFilter(checked);
const answer = (number: number, ...args: readonly (number | bigint)[]): number =>
  runFilter(filter, { number, arguments: args.map(BigInt) });
const numberOf = (name: string): number =>
  checked.find((call) => call.name === name)?.number ?? expect.fail(`${name} is not checked`);

/** Names by number as this machine's C library knows them; later calls have none there. */
const header = new Map(
  [
    ...readFileSync('/usr/include/x86_64-linux-gnu/asm/unistd_64.h', 'utf8').matchAll(
      /^#define __NR_(\w+)\s+(\d+)$/gm,
    ),
  ].map(([, name, number]) => [Number(number), name]),
);

/** Everything that a host may ask in any way it likes. Each new name here is a decision. */
const LET_THROUGH = `
  read write close stat fstat lstat poll lseek mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn
  pread64 pwrite64 readv writev access pipe select sched_yield mremap dup dup2 pause nanosleep getitimer alarm
  setitimer getpid getsockname getpeername getsockopt exit uname getcwd readlink gettimeofday getrlimit getrusage
  sysinfo times getuid getgid geteuid getegid getppid getpgrp getgroups getresuid getresgid capget rt_sigpending
  rt_sigtimedwait rt_sigsuspend sigaltstack sched_get_priority_max sched_get_priority_min arch_prctl setrlimit gettid
  time futex epoll_create set_tid_address restart_syscall clock_gettime clock_getres clock_nanosleep exit_group
  epoll_wait epoll_ctl newfstatat readlinkat faccessat pselect6 ppoll set_robust_list epoll_pwait eventfd eventfd2
  epoll_create1 dup3 pipe2 preadv pwritev getcpu getrandom membarrier preadv2 pwritev2 pkey_mprotect pkey_alloc
  pkey_free statx rseq close_range faccessat2 epoll_pwait2 futex_waitv`
  .trim()
  .split(/\s+/);
/** map_shadow_stack, futex_wake, futex_wait, futex_requeue, mseal: younger than the header of some machines. */
const LET_THROUGH_YOUNG = [453, 454, 455, 456, 462];

describe('the filter of policy hosts', () => {
  test('names each call by its number', () => {
    const pretended = Object.entries(PRETENDED_CALLS);
    const named = [
      ...REFUSED_CALLS,
      ...pretended,
      ...checked.map(({ name, number }) => [name, number] as const),
    ];
    for (const [name, number] of named) if (header.has(number)) expect(header.get(number)).toBe(name);
    expect(new Set(named.map(([, number]) => number)).size).toBe(named.length);
  });

  test('lets through what is listed here, whatever its arguments, and nothing else', () => {
    const through = Array.from({ length: CALL_NUMBER_MAX + 1 }, (_, number) => number).filter(
      (number) => answer(number) === ALLOWED && !checked.some((call) => call.number === number),
    );
    const young = through.filter((number) => LET_THROUGH_YOUNG.includes(number));
    const others = through.filter((number) => !young.includes(number));
    expect(young).toEqual(LET_THROUGH_YOUNG);
    expect(others.map((number) => header.get(number))).toEqual(LET_THROUGH);
  });

  test('refuses what is listed, and knows nothing of what is not', () => {
    for (const number of REFUSED_CALLS.values()) expect(answer(number)).toBe(REFUSED);
    for (const number of [335, 400, 423, 435, CALL_NUMBER_MAX + 1, 2 ** 31, 2 ** 32 - 1])
      expect(answer(number)).toBe(UNKNOWN);
  });

  test('tells whoever asks that all are scheduled as usual', () => {
    for (const number of Object.values(PRETENDED_CALLS)) expect(answer(number)).toBe(PRETENDED);
  });

  test('ends who calls by another door', () => {
    for (const number of [0, 11, 59, 10_000])
      expect(runFilter(filter, { number, architecture: I386 })).toBe(KILLED);
    for (const number of [0, 59, 520]) expect(answer(X32 | number)).toBe(UNKNOWN);
  });

  test('fits into what the kernel takes: 4,096 instructions, all jumps inside', () => {
    expect(filter.length / 8).toBeLessThanOrEqual(4096);
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(CALL_NUMBER_MAX + 10), fc.nat({ max: 2 ** 32 - 1 })),
        fc.constantFrom(X86_64, I386),
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 6, maxLength: 6 }),
        (number, architecture, args) => {
          const answered = runFilter(filter, { number, architecture, arguments: args });
          expect([ALLOWED, REFUSED, UNKNOWN, PRETENDED, KILLED]).toContain(answered);
        },
      ),
      { numRuns: repetitions({ slice: 2_000, full: 200_000 }) },
    );
  });
});

describe('a call that is checked', () => {
  test.each([
    ['open', 0o2000000, [0o1, 0o2, 0o100, 0o1000, 0o2000, 0o10000000, 0o20200000]],
    ['prlimit64', 0, [pid + 1, 1]],
    ['sched_getaffinity', pid, [pid + 1]],
    ['tgkill', pid, [0, pid + 1, -1]],
    ['prctl', 15, [22, 38, 24, 8, 28, 47, 4, 0x5961_6d61]],
  ])('%s', (name, good, bad) => {
    const at = name === 'open' ? 1 : 0;
    const ask = (value: number): number => answer(numberOf(name), ...Array(at).fill(0), value);
    expect(ask(good)).toBe(ALLOWED);
    for (const value of bad) expect(ask(value), String(value)).toBe(REFUSED);
  });

  test('openat opens to read, and no place by its path alone', () => {
    for (const flags of [0, 0o2000000, 0o100000])
      expect(answer(numberOf('openat'), -100, 0, flags)).toBe(ALLOWED);
    for (const flags of [1, 2, 0o101, 0o2000, 0o10000000, 0o20200002])
      expect(answer(numberOf('openat'), -100, 0, flags)).toBe(REFUSED);
  });

  test('mmap maps its own memory and files it reads, never what others see', () => {
    for (const flags of [0x22, 0x2, 0x4022, 0x32])
      expect(answer(numberOf('mmap'), 0, 4096, 7, flags)).toBe(ALLOWED);
    for (const flags of [0x1, 0x3, 0x21, 0x40022, 0x122, 0x2022])
      expect(answer(numberOf('mmap'), 0, 4096, 7, flags)).toBe(REFUSED);
  });

  test('clone begins a thread and nothing else', () => {
    const thread = 0x3d0f00;
    expect(answer(numberOf('clone'), thread)).toBe(ALLOWED);
    for (const flags of [
      0,
      17,
      0x4111,
      thread | 0x1000_0000,
      thread | 0x2_0000,
      thread & ~0x10000,
      thread | 17,
    ])
      expect(answer(numberOf('clone'), flags), flags.toString(16)).toBe(REFUSED);
  });

  test('ioctl, fcntl and madvise do what Node asks of them', () => {
    const allowed: readonly [name: string, good: readonly number[], bad: readonly number[], at: number][] = [
      ['ioctl', [0x5401, 0x5421, 0x5451], [0x5412, 0x541c, 0x8901, 0x4b47], 1],
      ['fcntl', [1, 2, 3, 1030], [5, 6, 7, 8, 10, 1024, 1031, 1033], 1],
      ['madvise', [4, 8, 14, 22], [12, 20, 21, 25, 100, 101], 2],
    ];
    for (const [name, good, bad, at] of allowed) {
      const ask = (value: number): number => answer(numberOf(name), ...Array(at).fill(0), value);
      for (const value of good) expect(ask(value), `${name} ${value}`).toBe(ALLOWED);
      for (const value of bad) expect(ask(value), `${name} ${value}`).toBe(REFUSED);
    }
  });

  test('execve needs all three words that only the stage knows', () => {
    const execve = numberOf('execve');
    expect(answer(execve, 1, 2, 3, ...pass)).toBe(ALLOWED);
    for (let word = 0; word < 3; word++)
      for (const bit of [0n, 31n, 32n, 63n]) {
        const wrong = pass.map((value, i) => (i === word ? value ^ (1n << bit) : value));
        expect(answer(execve, 1, 2, 3, ...wrong)).toBe(REFUSED);
      }
  });
});
