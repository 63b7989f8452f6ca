/**
 * What a stranger would try who broke out of V8: run in the place of a policy host, with an addon that calls whatever
 * it likes. Alone in its file, since nothing else is readable there. Writes a line of JSON per attempt.
 *
 *     node escapee.mjs '{"koffi": …}'
 */
import { writeSync } from 'node:fs';

export interface Means {
  /** The addon. */
  readonly koffi: string;
  /** A process of the same user that was started to be aimed at. */
  readonly target: number;
  /** A file and a folder that anyone may read and write. */
  readonly file: string;
  readonly folder: string;
  /** A descriptor that the stage was handed and the host should not have. */
  readonly stray: number;
  /** An abstract socket that listens. */
  readonly abstract: string;
  /** Only attempts whose success harms nobody. */
  readonly harmless: boolean;
  /** Begin none but this attempt, which may end the process. */
  readonly only?: string;
}

export interface Attempt {
  readonly name: string;
  /** 0 where it succeeded. */
  readonly errno: number;
  /** By whom it would succeed but for the confinement; nobody where it is not tried without. */
  readonly would?: 'anyone' | 'root';
}

interface Koffi {
  load(name: string): {
    func(name: string, result: string, args: readonly string[]): (...args: unknown[]) => bigint | number;
  };
  address(bytes: Uint8Array): bigint;
  errno(): number;
  encode(address: bigint, type: string, value: number): void;
  proto(definition: string): unknown;
  call(address: bigint, type: unknown): unknown;
}

const means = JSON.parse(process.argv[2] ?? '') as Means;
const addon: { exports: unknown } = { exports: {} };
process.dlopen(addon, means.koffi);
const koffi = addon.exports as Koffi;
const word = 'int64';
const syscall = koffi.load('libc.so.6').func('syscall', word, [word, word, word, word, word, word, word]);

type Word = number | bigint;
const kept: Uint8Array[] = [];

function at(bytes: Uint8Array): bigint {
  kept.push(bytes);
  return koffi.address(bytes);
}
const text = (value: string): bigint => at(Buffer.from(`${value}\0`));
const room = (bytes = 4096): bigint => at(new Uint8Array(bytes));
const words = (...values: readonly Word[]): bigint =>
  at(new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
const ints = (...values: readonly number[]): bigint => at(new Uint8Array(Int32Array.from(values).buffer));

let result: Word = 0;
function call(number: number, ...args: readonly Word[]): number {
  const six = Array.from({ length: 6 }, (_, i) => args[i] ?? 0);
  result = syscall(number, ...six);
  return Number(result) === -1 ? koffi.errno() : 0;
}

/** In the child nothing may run on: it shares, or copies, a Node that did not expect it. */
function born(errno: number): number {
  if (errno === 0 && Number(result) === 0) call(231, 0);
  return errno;
}

const { target, file, folder, stray } = means;
const own = process.pid;
const AT_FDCWD = -100;
const SIGNAL_NONE = 0;
const open = (path: string, flags: number): number => call(257, AT_FDCWD, text(path), flags, 0o600);
const page = room(8192);
const address = (family: number, rest: readonly number[]): bigint => at(Uint8Array.of(family, 0, ...rest));
const abstract = [0, ...Buffer.from(means.abstract)];

type Try = readonly [name: string, attempt: () => number, would?: Attempt['would']];

const FILES: readonly Try[] = [
  ['open /etc/passwd', () => open('/etc/passwd', 0), 'anyone'],
  ['open a file it knows the name of', () => open(file, 0), 'anyone'],
  ['open by the old call', () => call(2, text(file), 0), 'anyone'],
  ['openat2', () => call(437, AT_FDCWD, text(file), words(0, 0, 0), 24), 'anyone'],
  ['open by path alone', () => open(file, 0o10000000), 'anyone'],
  ['open a file for writing', () => open(file, 2), 'anyone'],
  ['append to a file', () => open(file, 0o2001), 'anyone'],
  ['write to its own script', () => open(process.argv[1] ?? '', 2)],
  ['create a file', () => open(`${folder}/new`, 0o102), 'anyone'],
  ['create a file without a name', () => open(folder, 0o20200002), 'anyone'],
  ['creat', () => call(85, text(`${folder}/new2`), 0o600), 'anyone'],
  ['mkdir', () => call(83, text(`${folder}/deep`), 0o700), 'anyone'],
  ['mknod', () => call(133, text(`${folder}/fifo`), 0o10600, 0), 'anyone'],
  ['link', () => call(86, text(file), text(`${folder}/link`)), 'root'],
  ['symlink', () => call(88, text(file), text(`${folder}/symlink`)), 'anyone'],
  ['rename', () => call(82, text(`${folder}/new`), text(`${folder}/renamed`)), 'anyone'],
  ['unlink', () => call(87, text(`${folder}/renamed`)), 'anyone'],
  ['truncate', () => call(76, text(file), 3), 'anyone'],
  ['chmod', () => call(90, text(folder), 0o777), 'root'],
  ['chown', () => call(92, text(folder), process.getuid!(), -1), 'root'],
  ['utimensat', () => call(280, AT_FDCWD, text(file), 0, 0), 'anyone'],
  ['setxattr', () => call(188, text(file), text('user.a'), text('b'), 1, 0), 'anyone'],
  ['chdir', () => call(80, text(folder)), 'anyone'],
  ['list the root folder', () => open('/', 0o200000), 'anyone'],
  ['list an open folder', () => call(217, 3, page, 4096)],
  ['open /dev/null to write', () => open('/dev/null', 2), 'anyone'],
  ['open /dev/shm', () => open('/dev/shm/terrace-escapee', 0o20200002)],
  ['watch a folder', () => call(294, 0), 'anyone'],
  ['file handles', () => call(303, AT_FDCWD, text(file), words(128, 0, 0), room(8), 0), 'anyone'],
  ['write to the shared file', () => call(1, 3, page, 1)],
  ['truncate the shared file', () => call(77, 3, 0)],
  ['lock the shared file', () => call(73, 3, 1), 'anyone'],
  ["own the shared file's signals", () => call(72, 3, 8, target), 'anyone'],
  ['read a descriptor it was not meant to have', () => call(17, stray, page, 1, 0), 'anyone'],
  ['splice', () => call(275, 3, words(0), 1, 0, 1, 0)],
  ['push characters into a terminal', () => call(16, 0, 0x5412, page)],
];

const PROCESSES: readonly Try[] = [
  ['fork', () => born(call(57)), 'anyone'],
  ['vfork', () => born(call(58))],
  ['clone a process', () => born(call(56, 17)), 'anyone'],
  ['clone into new namespaces', () => born(call(56, 0x1000_0011))],
  ['clone a thread into a new namespace', () => born(call(56, 0x1000_0000 | 0x3d0f00))],
  ['clone3', () => born(call(435, words(0, 0, 0, 0, 17, 0, 0, 0), 64)), 'anyone'],
  [
    'execve /bin/sh',
    () => call(59, text('/bin/sh'), words(text('sh'), text('-c'), text('exit 7'), 0), words(0)),
  ],
  ['execve Node', () => call(59, text(process.execPath), words(text('node'), text('-v'), 0), words(0))],
  [
    'execve the loader',
    () =>
      call(
        59,
        text('/lib64/ld-linux-x86-64.so.2'),
        words(text('ld'), text(process.execPath), text('-v'), 0),
        words(0),
      ),
  ],
  ['execveat', () => call(322, AT_FDCWD, text('/bin/sh'), words(text('sh'), 0), words(0), 0)],
  ['memfd_create', () => call(319, text('a'), 0), 'anyone'],
  ['unshare a user namespace', () => call(272, 0x1000_0000)],
  ['unshare mounts', () => call(272, 0x2_0000)],
  ['unshare nothing', () => call(272, 0), 'anyone'],
  ['setns', () => call(308, 3, 0)],
  ['kill', () => call(62, target, SIGNAL_NONE), 'anyone'],
  ['kill its parent', () => call(62, process.ppid, SIGNAL_NONE), 'root'],
  ['tkill', () => call(200, target, SIGNAL_NONE), 'anyone'],
  ['tgkill', () => call(234, target, target, SIGNAL_NONE), 'anyone'],
  [
    'rt_sigqueueinfo',
    () => call(129, target, SIGNAL_NONE, words(0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
    'anyone',
  ],
  ['pidfd_open', () => call(434, target, 0), 'anyone'],
  ['ptrace', () => call(101, 0x4206, target, 0, 0), 'root'],
  ['process_vm_readv', () => call(310, target, words(page, 8), 1, words(4096, 8), 1, 0)],
  ['process_vm_writev', () => call(311, target, words(page, 8), 1, words(4096, 8), 1, 0)],
  ['process_madvise', () => call(440, 3, words(page, 4096), 1, 20, 0)],
  ['kcmp', () => call(312, own, own, 0, 0, 0), 'anyone'],
  ["read another's memory", () => open(`/proc/${target}/mem`, 0), 'root'],
  ["read another's maps", () => open(`/proc/${target}/maps`, 0), 'root'],
  ["read another's environment", () => open(`/proc/${target}/environ`, 0), 'root'],
  ["read another's command", () => open(`/proc/${target}/cmdline`, 0), 'anyone'],
  ["read its parent's memory", () => open(`/proc/${process.ppid}/mem`, 0), 'root'],
  ['read its own maps', () => open('/proc/self/maps', 0), 'anyone'],
  ['write its own memory', () => open('/proc/self/mem', 2), 'anyone'],
  ['limits of another', () => call(302, target, 7, 0, room(16)), 'anyone'],
  ['affinity of another', () => call(204, target, 128, room(128)), 'anyone'],
  ['set its own affinity', () => call(203, 0, 8, words(-1)), 'anyone'],
  ['priority', () => call(141, 0, 0, 0), 'anyone'],
  ['scheduling class', () => call(144, 0, 0, ints(0)), 'anyone'],
];

const MEMORY: readonly Try[] = [
  ['move_pages of its own', () => call(279, 0, 1, words(page), 0, ints(0), 0), 'anyone'],
  ['move_pages of another', () => call(279, target, 1, words(page), 0, ints(0), 0), 'root'],
  ['migrate_pages', () => call(256, target, 2, words(1), words(1)), 'root'],
  ['mbind', () => call(237, page & ~4095n, 4096, 0, 0, 0, 0), 'anyone'],
  ['set_mempolicy', () => call(238, 0, 0, 0), 'anyone'],
  ['get_mempolicy', () => call(239, ints(0), 0, 0, 0, 0), 'anyone'],
  ['userfaultfd', () => call(323, 1), 'anyone'],
  ['mlock', () => call(149, page & ~4095n, 4096), 'root'],
  ['map what others can map', () => call(9, 0, 4096, 3, 0x21, -1, 0), 'anyone'],
  ['map huge pages', () => call(9, 0, 2 ** 21, 3, 0x4_0022, -1, 0)],
  [
    'map a new file',
    () => {
      const errno = open(file, 0);
      return errno || call(9, 0, 4096, 5, 2, result, 0);
    },
    'anyone',
  ],
  ['merge pages with others', () => call(28, page & ~4095n, 4096, 12)],
  ['poison a page', () => call(28, page & ~4095n, 4096, 100)],
  ['memory with a name', () => call(29, 4711, 4096, 0o600)],
  ['message queue', () => call(240, text('terrace-escapee'), 0, 0, 0)],
];

const KERNEL: readonly Try[] = [
  [
    'perf_event_open',
    () => call(298, words(0x70_0000_0001, 9, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 0, 0, 0), 0, -1, -1, 0),
    'root',
  ],
  ['bpf', () => call(321, 0, words(0x4_0000_0002, 0x1_0000_0004, 0, 0, 0, 0, 0, 0, 0), 72), 'root'],
  ['io_uring_setup', () => call(425, 4, room(120)), 'anyone'],
  ['io_setup', () => call(206, 1, words(0)), 'anyone'],
  ['keyctl', () => call(250, 0, -3, 0), 'anyone'],
  ['add_key', () => call(248, text('user'), text('a'), text('b'), 1, -2)],
  ['mount', () => call(165, text('none'), text(folder), text('tmpfs'), 0, 0)],
  ['umount', () => call(166, text(folder), 0)],
  ['fsopen', () => call(430, text('tmpfs'), 0), 'root'],
  ['open_tree', () => call(428, AT_FDCWD, text('/'), 0), 'anyone'],
  ['chroot', () => call(161, text('/')), 'root'],
  ['pivot_root', () => call(155, text(folder), text(folder))],
  ['syslog', () => call(103, 10, 0, 0), 'root'],
  ['init_module', () => call(175, page, 0, text(''))],
  ['kexec_load', () => call(246, 0, 0, 0, 0)],
  ['reboot, wrongly', () => call(169, 1, 2, 3, 0)],
  ['swapon', () => call(167, text(file), 0)],
  ['sethostname', () => call(170, page, -1)],
  ['settimeofday', () => call(164, page, -1)],
  ['quotactl', () => call(179, -1, 0, 0, 0)],
  ['personality', () => call(135, 0xffff_ffff), 'anyone'],
  ['a call of a later kernel', () => call(463, AT_FDCWD, 0, 0, 0, 0, 0)],
  ['a call of x32', () => call(0x4000_0000 | 39)],
];

const CREDENTIALS: readonly Try[] = [
  ['setuid 0', () => call(105, 0), 'root'],
  ['setresuid', () => call(117, -1, -1, -1), 'anyone'],
  ['setgroups', () => call(116, 0, 0), 'root'],
  ['capset of all', () => call(126, ints(0x20080522, 0), ints(-1, -1, 0, -1, -1, 0))],
  ['capset of none', () => call(126, ints(0x20080522, 0), ints(0, 0, 0, 0, 0, 0))],
  ['an ambient capability', () => call(157, 47, 2, 7, 0, 0)],
  ['privileges again', () => call(157, 38, 0, 0, 0, 0)],
  ['become traceable', () => call(157, 4, 1, 0, 0, 0), 'anyone'],
  ['secure bits', () => call(157, 28, 0, 0, 0, 0)],
  ['a second filter', () => call(317, 1, 0, words(1, at(Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f))))],
  [
    'a second filter, the old way',
    () => call(157, 22, 2, words(1, at(Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f)))),
  ],
  ['a second Landlock domain', () => call(444, 0, 0, 1), 'anyone'],
  ['core dumps', () => call(302, 0, 4, words(4096, 4096), 0)],
  ['files of more than nothing', () => call(302, 0, 1, words(4096, 4096), 0), 'anyone'],
  ['more descriptors', () => call(302, 0, 7, words(4096, 4096), 0), 'anyone'],
  ['locked memory', () => call(160, 8, words(4096, 4096)), 'anyone'],
];

const SOCKETS: readonly Try[] = [
  [
    'an abstract socket',
    () => {
      const errno = call(41, 1, 1, 0);
      return errno || call(42, result, address(1, abstract), 2 + abstract.length);
    },
    'anyone',
  ],
  ...(
    [
      ['unix', 1],
      ['inet', 2],
      ['inet6', 10],
      ['netlink', 16],
      ['alg', 38],
      ['vsock', 40],
    ] as const
  ).map(([name, family]): Try => [
    `a socket: ${name}`,
    () => call(41, family, family === 16 ? 3 : family === 38 ? 5 : 1, 0),
    family <= 16 ? 'anyone' : undefined,
  ]),
  ['a packet socket', () => call(41, 17, 3, 0)],
  ['a pair of sockets', () => call(53, 1, 1, 0, room(8)), 'anyone'],
  ['send a descriptor', () => call(46, 1, words(0, 0, 0, 0, 0, 0, 0), 0)],
  ['receive a descriptor', () => call(47, 0, words(0, 0, 0, 0, 0, 0, 0), 0x40)],
  ['bind what it has', () => call(49, 0, address(1, [0, 1, 2, 3]), 6)],
  ['connect what it has', () => call(42, 0, address(0, []), 2)],
];

/** getpid of i386: mov eax, 20; int 0x80; ret. */
function callOldDoor(): number {
  const errno = call(9, 0, 4096, 7, 0x22, -1, 0);
  if (errno !== 0) return errno;
  const code = BigInt(result);
  [0xb8, 20, 0, 0, 0, 0xcd, 0x80, 0xc3].forEach((byte, i) => koffi.encode(code + BigInt(i), 'uint8_t', byte));
  koffi.call(code, koffi.proto('int oldDoor()'));
  return 0;
}
const DOORS: readonly Try[] = [['a call of i386', callOldDoor, 'anyone']];

const all = [...FILES, ...PROCESSES, ...MEMORY, ...KERNEL, ...CREDENTIALS, ...SOCKETS];
const chosen = means.only === undefined ? all : DOORS.filter(([name]) => name === means.only);
for (const [name, attempt, would] of chosen) {
  if (means.harmless && would === undefined) continue;
  const errno = attempt();
  const line: Attempt = { name, errno, ...(would && { would }) };
  writeSync(1, `${JSON.stringify(line)}\n`);
}
writeSync(1, `${JSON.stringify({ name: 'the end', errno: 0 })}\n`);
// The addon's own way out syncs its streams, and waits for ever where that is refused.
call(231, 0);
