import { mkdtemp, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { exists } from './cache.ts';
import { runCommand } from './command.ts';
import { aptLists, downloadPackage, newerFirst } from './debian.ts';

export interface LabKernel {
  /** As uname -r says it. */
  readonly release: string;
  readonly image: string;
}

export type KernelFault = 'kernel-not-found' | 'kernel-unreadable';

/** Newer point releases first; the rest of a candidate list is only tried when a download fails. */
const CANDIDATES_MAX = 3;

/** The stock 64-bit images of one series among package names: no cloud, real-time, unsigned or debug variant. */
export function stockImages(names: readonly string[], series: string): string[] {
  const pattern = new RegExp(`^linux-image-${series.replace('.', '\\.')}\\.\\d+\\+[a-z]+\\d*-amd64$`);
  return [...new Set(names)].filter((name) => pattern.test(name)).toSorted(newerFirst);
}

async function candidates(series: string, apt: readonly string[]): Promise<string[]> {
  const names = await runCommand('apt-cache', [...apt, 'pkgnames', `linux-image-${series}.`]);
  return names.ok ? stockImages(names.value.split('\n'), series).slice(0, CANDIDATES_MAX) : [];
}

/** Downloads one package and keeps its kernel and configuration; no module is needed (all of it is built in). */
async function fetchImage(
  name: string,
  apt: readonly string[],
  work: string,
  keep: string,
): Promise<boolean> {
  const file = await downloadPackage(name, apt, work);
  if (file === undefined) return false;
  const tree = join(work, name);
  await mkdir(tree);
  const unpack =
    'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "./boot/vmlinuz-*" "./boot/config-*"';
  const unpacked = await runCommand('sh', ['-c', unpack, 'sh', file, tree]);
  if (!unpacked.ok) return false;
  await rename(join(tree, 'boot'), keep).catch(async (error: NodeJS.ErrnoException) => {
    if (!(await exists(keep))) throw error;
  });
  return true;
}

/** The kernel that a folder of the cache holds as `vmlinuz-RELEASE`. */
export async function keptKernel(folder: string): Promise<LabKernel | undefined> {
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
    const found = await keptKernel(join(kernels, name));
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
    for await (const apt of aptLists(work)) {
      for (const name of await candidates(series, apt)) {
        say(`lab: fetching ${name} (about 100 MB, kept in ${kernels})`);
        if (!(await fetchImage(name, apt, work, join(kernels, name)))) continue;
        const kernel = await keptKernel(join(kernels, name));
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
