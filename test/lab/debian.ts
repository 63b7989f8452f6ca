import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { runCommand } from './command.ts';

const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);

/** Orders names of packages or files by the numbers in them. */
export function newerFirst(a: string, b: string): number {
  const left = numbers(a);
  const right = numbers(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (right[i] ?? 0) - (left[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : 1;
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

/**
 * APT options under which to look for a package, one after the other: the machine's own sources, then the same
 * with their backports. What the latter need is kept in `folder`; nothing of the system changes.
 */
export async function* aptLists(folder: string): AsyncGenerator<readonly string[]> {
  yield [];
  yield await privateLists(folder);
}

/** Downloads a package into a folder and answers its file; nothing is installed. */
export async function downloadPackage(
  name: string,
  apt: readonly string[],
  folder: string,
): Promise<string | undefined> {
  const unsandboxed = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  const got = await runCommand('apt-get', [...apt, ...unsandboxed, 'download', name], { cwd: folder });
  if (!got.ok) return undefined;
  const file = (await readdir(folder)).find(
    (entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'),
  );
  return file === undefined ? undefined : join(folder, file);
}
