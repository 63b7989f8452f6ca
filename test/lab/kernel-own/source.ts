import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { exists, workFolder } from '../cache.ts';
import { runCommand } from '../command.ts';
import { aptLists, downloadPackage, newerFirst } from '../debian.ts';

const PACKAGE = 'linux-source-6.12';
const FILE = /^linux-source-6\.12_(.+)_all\.deb$/;

/** What this kernel has no use for, nearly half of the source. Kconfig files stay: all of them are read. */
const UNUSED = [
  ...['gpu', 'infiniband', 'media', 'scsi', 'staging'].map((name) => `*/drivers/${name}/*.[ch]`),
  '*/Documentation/*.rst',
  '*/tools/testing/*',
  '*.dts',
  '*.dtsi',
];

export interface KernelSource {
  /** Of the package, as Debian says it. */
  readonly version: string;
  readonly file: string;
}

async function newestKept(folder: string): Promise<KernelSource | undefined> {
  const names = (await exists(folder)) ? await readdir(folder) : [];
  const [name] = names.filter((each) => FILE.test(each)).toSorted(newerFirst);
  return name === undefined ? undefined : describe(join(folder, name));
}

const describe = (file: string): KernelSource => ({
  version: FILE.exec(basename(file))?.[1] ?? 'unknown',
  file,
});

/** Debian's source of Linux 6.12: from the cache, else as the stock kernel is found. */
export async function findSource(
  cache: string,
  say: (line: string) => void,
): Promise<Result<KernelSource, 'kernel-source-not-found'>> {
  const sources = join(cache, 'sources');
  const found = await newestKept(sources);
  if (found) return success(found);
  await mkdir(sources, { recursive: true });
  const work = await workFolder(join(cache, 'builds'), 'source');
  try {
    for await (const apt of aptLists(work)) {
      say(`lab: fetching ${PACKAGE} (about 150 MB, kept in ${sources})`);
      const file = await downloadPackage(PACKAGE, apt, work);
      if (file === undefined) continue;
      const keep = join(sources, basename(file));
      await rename(file, keep);
      return success(describe(keep));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const next = 'add a Debian source that has it (trixie, or bookworm-security or -backports)';
  return failure('kernel-source-not-found', `no ${PACKAGE} in this machine's package sources: ${next}`);
}

/** Unpacks the source into a new folder. */
export async function unpackSource(
  source: KernelSource,
  folder: string,
): Promise<Result<string, 'command-failed'>> {
  await mkdir(folder);
  const script = [
    'set -o pipefail; file=$1 folder=$2; shift 2',
    'dpkg-deb --fsys-tarfile "$file" | tar -xO --wildcards "*.tar.xz" | xz -dcT0',
  ].join('\n');
  const excluded = UNUSED.map((pattern) => `--exclude=${pattern}`);
  const unpack = `${script} | tar -x -C "$folder" --strip-components=1 "$@"`;
  return runCommand('bash', ['-c', unpack, 'bash', source.file, folder, ...excluded]);
}
