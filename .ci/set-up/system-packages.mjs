import { accessSync, constants, closeSync, existsSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { SetUpFailure } from './failure.mjs';
import { runStep, tail } from './step.mjs';

/**
 * A Debian package and how to see that it is there. Commands and files are looked for instead of asking
 * dpkg, so that a machine which has them from elsewhere is left alone.
 *
 * @typedef {{ name: string, isThere: (machine: Machine) => boolean }} SystemPackage
 * @typedef {{ path: string, fileRoot: string }} Machine
 */

/** @type {SystemPackage[]} */
const COMPILER = [
  { name: 'gcc', isThere: hasCommand('gcc') },
  { name: 'libc6-dev', isThere: hasHeader('stdio.h') },
];

/** What the lab's own kernel is built with. @type {SystemPackage[]} */
const KERNEL_BUILD = [
  ...['flex', 'bison', 'bc', 'make', 'patch'].map((name) => ({ name, isThere: hasCommand(name) })),
  { name: 'libelf-dev', isThere: hasHeader('libelf.h') },
  { name: 'libssl-dev', isThere: hasHeader('openssl/ssl.h') },
];

/** @type {SystemPackage[]} */
const LAB = [
  { name: 'qemu-system-x86', isThere: hasCommand('qemu-system-x86_64') },
  { name: 'busybox-static', isThere: hasStaticBusybox },
  { name: 'cpio', isThere: hasCommand('cpio') },
  { name: 'xz-utils', isThere: hasCommand('xz') },
  ...COMPILER,
  ...KERNEL_BUILD,
];

/** What tests read, write and compile core modules with. @type {SystemPackage[]} */
const MODULES = [
  { name: 'wabt', isThere: hasCommands('wast2json', 'wasm-objdump') },
  { name: 'clang', isThere: hasCommand('clang') },
  { name: 'lld', isThere: hasCommand('wasm-ld') },
];

/** What each mode needs of the system; libatomic1 is added where the bundled Node asks for it. */
export const NEEDED = { start: [], test: [...LAB, ...MODULES], lab: LAB, bench: COMPILER };

/**
 * Names of the system packages that a mode needs and this machine lacks.
 *
 * @param {keyof typeof NEEDED} mode
 * @param {Machine} machine
 * @returns {string[]}
 */
export function missingPackages(mode, machine) {
  return NEEDED[mode].filter(({ isThere }) => !isThere(machine)).map(({ name }) => name);
}

/**
 * Installs system packages where that is possible without asking: as root, with apt-get.
 *
 * @param {string[]} names
 * @param {{ uid: number, path: string, fileRoot: string, root: string, env: NodeJS.ProcessEnv,
 *           say: (line: string) => void }} machine
 */
export async function installSystemPackages(names, machine) {
  if (names.length === 0) return;
  if (!hasCommand('apt-get')(machine)) {
    const list = names.join(' ');
    throw new SetUpFailure(
      'system-package-missing',
      `install what Debian calls ${list} with this system's package manager`,
    );
  }
  const install = ['install', '-y', '--no-install-recommends', ...names];
  if (machine.uid !== 0) {
    const command = `sudo apt-get update && sudo apt-get ${install.join(' ')}`;
    throw new SetUpFailure('system-package-missing', `run: ${command}`);
  }
  await aptGet('refreshing the system package lists', ['update'], machine);
  await aptGet(`installing system packages: ${names.join(' ')}`, install, machine);
}

async function aptGet(label, args, { root, env, say }) {
  const { ok, output } = await runStep({
    label,
    command: 'apt-get',
    args: ['-o', 'DPkg::Lock::Timeout=300', ...args],
    cwd: root,
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    say,
  });
  if (!ok) {
    throw new SetUpFailure(
      'system-package-failed',
      `apt-get ${args.join(' ')} failed; its last lines:\n${tail(output, 10)}`,
    );
  }
}

function hasCommand(name) {
  return (machine) => findCommand(name, machine) !== undefined;
}

function hasCommands(...names) {
  return (machine) => names.every((name) => findCommand(name, machine) !== undefined);
}

function hasHeader(name) {
  return ({ fileRoot }) => existsSync(path.join(fileRoot, 'usr/include', name));
}

function findCommand(name, machine) {
  return machine.path
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

/** The lab puts busybox alone into a guest, so one that needs shared libraries does not count. */
function hasStaticBusybox(machine) {
  const file = findCommand('busybox', machine);
  return file !== undefined && !firstBytes(file, 4096).includes('ld-linux');
}

function firstBytes(file, length) {
  const buffer = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  try {
    return buffer.subarray(0, readSync(descriptor, buffer)).toString('latin1');
  } finally {
    closeSync(descriptor);
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
