import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { cached, digestOf, exists } from '../lab/cache.ts';
import { runCommand } from '../lab/command.ts';
import { downloadPackage } from '../lab/debian.ts';

/** What the add-on in Jazzer.js is linked against. */
const GLIBC_MIN = [2, 38] as const;
/** The Debian release to take a C library from where the machine's own is older. */
const SUITE = 'trixie';
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];
const LIBRARY_FOLDER = 'usr/lib/x86_64-linux-gnu';

/** What a Wasm instance does outside its memory would else be a signal, which Jazzer.js takes for the end. */
const NODE_FLAGS = ['--disable-wasm-trap-handler'];

export type JazzerFault = 'jazzer-missing' | 'libc-too-old';

type Command = readonly [string, ...string[]];

export interface Jazzer {
  /** Starts Node; its arguments come behind. */
  readonly node: Command;
  /** The script that fuzzes; its arguments come behind. */
  readonly script: string;
}

/** Installs Jazzer.js into `folder`, unless it is there, and finds a C library that it runs with. */
export async function provideJazzer(folder: string): Promise<Result<Jazzer, JazzerFault>> {
  const node = await provideNode(folder);
  if (!node.ok) return node;
  try {
    const installed = await install(folder);
    return success({
      node: [...node.value, ...NODE_FLAGS],
      script: join(installed, 'node_modules/@jazzer.js/core/dist/cli.js'),
    });
  } catch (error) {
    return failure('jazzer-missing', `Jazzer.js cannot be installed from npm: ${(error as Error).message}`);
  }
}

/** Beside the project, which never depends on it. Nothing that comes with a package is run while installing. */
async function install(folder: string): Promise<string> {
  const sources = ['package.json', 'package-lock.json'].map((file) => join(import.meta.dirname, file));
  return cached(join(folder, `jazzer-${await digestOf(sources)}`), async (unfinished) => {
    await mkdir(unfinished);
    for (const file of ['package.json', 'package-lock.json'])
      await copyFile(join(import.meta.dirname, file), join(unfinished, file));
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-progress'];
    const done = await runCommand('npm', ['ci', ...quiet, '--prefix', unfinished], { cwd: unfinished });
    if (!done.ok) throw new Error(done.message);
  });
}

async function provideNode(folder: string): Promise<Result<Command, JazzerFault>> {
  if (isNewEnough(glibcVersion())) return success([process.execPath]);
  const tooOld = `the C library is glibc ${glibcVersion()}, Jazzer.js needs ${GLIBC_MIN.join('.')}`;
  try {
    const root = await cached(join(folder, `libc-${SUITE}`), unpackLibraries);
    const [libraries, loader] = [
      join(root, LIBRARY_FOLDER),
      join(root, LIBRARY_FOLDER, 'ld-linux-x86-64.so.2'),
    ];
    // What Node needs besides these is the machine's own.
    const path = `${libraries}:/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu`;
    return success([loader, '--library-path', path, process.execPath]);
  } catch (error) {
    return failure('libc-too-old', `${tooOld}, and ${SUITE}'s cannot be had: ${(error as Error).message}`);
  }
}

function glibcVersion(): string {
  // Else it may ask the network for names.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime ?? '0';
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > GLIBC_MIN[0] || (major === GLIBC_MIN[0] && minor >= GLIBC_MIN[1]);
}

/** From the machine's own mirror; nothing of the system changes. */
async function unpackLibraries(folder: string): Promise<void> {
  await mkdir(folder);
  const apt = await privateLists(join(folder, 'apt'));
  for (const name of LIBRARIES) {
    const file = await downloadPackage(name, apt, join(folder, 'apt'));
    if (file === undefined) throw new Error(`apt-get has no ${name} of ${SUITE}`);
    const unpacked = await runCommand('dpkg', ['-x', file, folder]);
    if (!unpacked.ok) throw new Error(unpacked.message);
  }
  await rm(join(folder, 'apt'), { recursive: true });
}

async function privateLists(folder: string): Promise<string[]> {
  const format = ['--format', '$(SITE)', 'Created-By: Packages'];
  const sites = await runCommand('apt-get', ['indextargets', ...format]);
  const site = sites.ok
    ? sites.value.split('\n').find((each) => /debian/.test(each) && !/security/.test(each))
    : '';
  if (!site) throw new Error('apt-get knows no mirror of Debian');
  await mkdir(join(folder, 'lists/partial'), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const signedBy = (await exists(keyring)) ? `[signed-by=${keyring}] ` : '';
  await writeFile(join(folder, 'sources.list'), `deb ${signedBy}${site} ${SUITE} main\n`);
  const apt = [
    `Dir::Etc::sourcelist=${join(folder, 'sources.list')}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(folder, 'lists')}`,
    `Dir::Cache=${folder}`,
    ...(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : []),
  ].flatMap((option) => ['-o', option]);
  const updated = await runCommand('apt-get', [...apt, 'update']);
  if (!updated.ok) throw new Error(updated.message);
  return apt;
}
