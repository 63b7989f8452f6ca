import { mkdtemp, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { exists } from './cache.ts';
import { runCommand } from './command.ts';

export interface LabKernel {
  /** As uname -r says it. */
  readonly release: string;
  readonly image: string;
}

export type KernelFault = 'kernel-not-found' | 'kernel-unreadable';

/** Newer point releases first; the rest of a candidate list is only tried when a download fails. */
const CANDIDATES_MAX = 3;

const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);

function newerFirst(a: string, b: string): number {
  const left = numbers(a);
  const right = numbers(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (right[i] ?? 0) - (left[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : 1;
}

/** The stock 64-bit images of one series among package names: no cloud, real-time, unsigned or debug variant. */
export function stockImages(names: readonly string[], series: string): string[] {
  const pattern = new RegExp(`^linux-image-${series.replace('.', '\\.')}\\.\\d+\\+[a-z]+\\d*-amd64$`);
  return [...new Set(names)].filter((name) => pattern.test(name)).toSorted(newerFirst);
}

/**
 * The same archives in one-line format plus the backports of each base suite, from what
 * `apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(SIGNED_BY)'` says about this machine's sources.
 */
export function sourcesWithBackports(targets: string, keyring: string | undefined): string {
  const lines = new Set<string>();
  for (const target of targets.split('\n')) {
    const [uri, suite] = target.split(' ');
    if (!uri || !suite || !/debian/.test(uri)) continue;
    const options = keyring === undefined ? '' : `[signed-by=${keyring}] `;
    lines.add(`deb ${options}${uri} ${suite} main`);
    if (/^[a-z]+$/.test(suite) && !/security/.test(uri))
      lines.add(`deb ${options}${uri} ${suite}-backports main`);
  }
  return [...lines, ''].join('\n');
}

async function candidates(series: string, apt: readonly string[]): Promise<string[]> {
  const names = await runCommand('apt-cache', [...apt, 'pkgnames', `linux-image-${series}.`]);
  return names.ok ? stockImages(names.value.split('\n'), series).slice(0, CANDIDATES_MAX) : [];
}

/** APT options for lists of our own, beside the machine's. */
async function privateLists(folder: string): Promise<string[]> {
  const format = '$(REPO_URI) $(RELEASE)';
  const targets = await runCommand('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  if (!targets.ok) return [];
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const list = join(folder, 'sources.list');
  await mkdir(join(folder, 'lists', 'partial'), { recursive: true });
  await writeFile(list, sourcesWithBackports(targets.value, (await exists(keyring)) ? keyring : undefined));
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(folder, 'lists')}`,
  ];
  const apt = [...options, `Dir::Cache=${folder}`].flatMap((option) => ['-o', option]);
  await runCommand('apt-get', [...apt, 'update']);
  return apt;
}

/** Downloads one package and keeps its kernel and configuration; no module is needed (all of it is built in). */
async function fetchImage(
  name: string,
  apt: readonly string[],
  work: string,
  keep: string,
): Promise<boolean> {
  const unsandboxed = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  const got = await runCommand('apt-get', [...apt, ...unsandboxed, 'download', name], { cwd: work });
  const file = got.ok
    ? (await readdir(work)).find((entry) => entry.startsWith(name) && entry.endsWith('.deb'))
    : undefined;
  if (file === undefined) return false;
  const tree = join(work, name);
  await mkdir(tree);
  const unpack =
    'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "./boot/vmlinuz-*" "./boot/config-*"';
  const unpacked = await runCommand('sh', ['-c', unpack, 'sh', join(work, file), tree]);
  if (!unpacked.ok) return false;
  await rename(join(tree, 'boot'), keep).catch(async (error: NodeJS.ErrnoException) => {
    if (!(await exists(keep))) throw error;
  });
  return true;
}

async function kept(folder: string): Promise<LabKernel | undefined> {
  const names = (await exists(folder)) ? await readdir(folder) : [];
  const image = names.find((name) => name.startsWith('vmlinuz-'));
  return image === undefined
    ? undefined
    : { release: image.slice('vmlinuz-'.length), image: join(folder, image) };
}

/** The newest kernel of the series that an earlier run left in the cache. */
async function newestKept(kernels: string, series: string): Promise<LabKernel | undefined> {
  const names = (await exists(kernels)) ? await readdir(kernels) : [];
  for (const name of stockImages(names, series)) {
    const found = await kept(join(kernels, name));
    if (found) return found;
  }
  return undefined;
}

/**
 * Debian's stock kernel of a series such as `6.12`: from the cache, else from the machine's own package sources,
 * else from the backports of these. Nothing is installed.
 */
export async function findKernel(
  series: string,
  cache: string,
  say: (line: string) => void,
): Promise<Result<LabKernel, KernelFault>> {
  const kernels = join(cache, 'kernels');
  const found = await newestKept(kernels, series);
  if (found) return success(found);
  await mkdir(kernels, { recursive: true });
  const work = await mkdtemp(join(kernels, '.new-'));
  try {
    for (const lists of ['own', 'private'] as const) {
      const apt = lists === 'own' ? [] : await privateLists(work);
      for (const name of await candidates(series, apt)) {
        say(`lab: fetching ${name} (about 100 MB, kept in ${kernels})`);
        if (!(await fetchImage(name, apt, work, join(kernels, name)))) continue;
        const kernel = await kept(join(kernels, name));
        if (kernel) return success(kernel);
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const next =
    'add a Debian source that has it (trixie, or bookworm-backports), or set TERRACE_LAB_KERNEL to a vmlinuz';
  return failure(
    'kernel-not-found',
    `no stock Linux ${series} for amd64 in this machine's package sources: ${next}`,
  );
}

/** A kernel image that the operator names, in place of the stock one. */
export async function givenKernel(image: string): Promise<Result<LabKernel, KernelFault>> {
  const head = await readFile(image).catch(() => undefined);
  // The boot protocol's signature and pointer to the version string (kernel Documentation/arch/x86/boot.rst).
  if (head === undefined || head.length < 0x1000 || head.toString('latin1', 0x202, 0x206) !== 'HdrS')
    return failure(
      'kernel-unreadable',
      `${image} is no bootable kernel image: name a vmlinuz in TERRACE_LAB_KERNEL`,
    );
  const version = head.readUInt16LE(0x20e) + 0x200;
  const release = head.toString('latin1', version, version + 64).split(/[ \0]/)[0] ?? 'unknown';
  return success({ release, image });
}
