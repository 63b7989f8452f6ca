import { existsSync, opendirSync, readdirSync, type Dir, type Dirent } from 'node:fs';
import path from 'node:path';
import { failure, success, type Failure, type Result } from '../../executor/result.ts';
import { hostMemoryPagesDefault, policyFilesMax } from '../limits.ts';
import { packageRoot } from '../package-root.ts';
import type { BuildFault } from './build/fault.ts';
import { readPolicy, readPolicyFile, type AdmittedPolicy } from './parse/read-policy.ts';
import type { LoadFault } from './policy.ts';
import { compareVersions, parsePolicyFile, parsePolicyName, type PolicyName } from './policy-name.ts';
import { quote } from './quote.ts';

/** Where the build puts the policies that come with Terrace. */
export const zooFolder = path.join(packageRoot, 'dist/policies');
/** Where they are said to come from. */
export const BUILT_IN = 'built-in';

export type ShelfFault =
  | LoadFault
  | BuildFault
  | 'build-failed'
  | 'policy-ambiguous'
  | 'policy-misnamed'
  | 'policies-unreadable';

/** Makes a component of a `.ts` source. */
export type Build = (file: string) => Promise<Result<Uint8Array, ShelfFault>>;

/** A policy that was found and is fit for a host. */
export interface FoundPolicy extends AdmittedPolicy {
  /** The path of its file, or `built-in`. */
  readonly from: string;
}

export interface Shelf {
  /**
   * What a person named: the path of a `.wasm` or `.ts` file, `NAME`, or `NAME@VERSION`. Everything is read anew each
   * time. `memoryPagesMax`: what its memory may start with, 64 KiB each.
   */
  find(named: string, memoryPagesMax?: number): Promise<Result<FoundPolicy, ShelfFault>>;
}

export interface ShelfOptions {
  /** A folder of policies, which go before those that come with Terrace; absent = there is none. */
  readonly folder?: string;
  readonly build: Build;
}

interface Candidate {
  readonly file: string;
  readonly version?: string;
}

type Named = Extract<PolicyName, { readonly name: string }>;

export function openShelf({ folder, build }: ShelfOptions): Shelf {
  async function read(
    file: string,
    memoryPagesMax: number,
    from = file,
  ): Promise<Result<FoundPolicy, ShelfFault>> {
    const bytes = file.endsWith('.ts') ? await build(file) : readPolicyFile(file);
    if (!bytes.ok) return bytes;
    const admitted = readPolicy(bytes.value, memoryPagesMax);
    return admitted.ok ? success({ ...admitted.value, from }) : admitted;
  }

  /** Of the folder; undefined where it has nothing of that name. */
  async function findInFolder(
    named: Named,
    memoryPagesMax: number,
  ): Promise<Result<FoundPolicy, ShelfFault> | undefined> {
    if (folder === undefined) return undefined;
    const listed = listCandidates(folder, named.name);
    if (!listed.ok) return listed;
    const [best, rival] = choose(listed.value, named.version);
    if (best === undefined) return undefined;
    if (rival !== undefined) return ambiguous(named, best, rival);
    const found = await read(path.join(folder, best.file), memoryPagesMax);
    if (!found.ok || best.version === undefined) return found;
    return checkName(found.value, named.name, best.version);
  }

  async function findInZoo(
    { name, version }: Named,
    memoryPagesMax: number,
  ): Promise<Result<FoundPolicy, ShelfFault>> {
    const file = path.join(zooFolder, `${name}.wasm`);
    if (!existsSync(file)) return notFound(name);
    const found = await read(file, memoryPagesMax, BUILT_IN);
    if (!found.ok || version === undefined || found.value.manifest.version === version) return found;
    return failure(
      'policy-not-found',
      `there is no ${name} ${version}: the one that comes with Terrace is ${found.value.manifest.version}; ` +
        `name that, or put ${name}@${version}.wasm into the folder of policies`,
    );
  }

  return {
    async find(named, memoryPagesMax = hostMemoryPagesDefault) {
      const parsed = parsePolicyName(named);
      if (parsed === undefined) return notFound(named);
      if (parsed.path !== undefined) return read(parsed.path, memoryPagesMax);
      return (await findInFolder(parsed, memoryPagesMax)) ?? findInZoo(parsed, memoryPagesMax);
    },
  };
}

/** What a folder has of one name. A link counts as what it leads to; nothing else that is no file does. */
function listCandidates(folder: string, name: string): Result<Candidate[], 'policies-unreadable'> {
  const entries = readFolder(folder);
  if (!entries.ok) return entries;
  const candidates: Candidate[] = [];
  for (const entry of entries.value) {
    const parsed = parsePolicyFile(entry.name);
    if (parsed?.path !== undefined || parsed?.name !== name) continue;
    if (entry.isFile() || entry.isSymbolicLink()) candidates.push({ ...parsed, file: entry.name });
  }
  return success(candidates.toSorted((a, b) => (a.file < b.file ? -1 : 1)));
}

function readFolder(folder: string): Result<Dirent[], 'policies-unreadable'> {
  let directory: Dir | undefined;
  try {
    directory = opendirSync(folder);
    const entries: Dirent[] = [];
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      if (entries.push(entry) > policyFilesMax)
        return unreadable(`${folder} has more than ${policyFilesMax} entries; take out what is no policy`);
    }
    return success(entries);
  } catch (error) {
    return unreadable(
      `the folder of policies cannot be read: ${(error as Error).message}; make it or mend its path`,
    );
  } finally {
    directory?.closeSync();
  }
}

/** The best ones, all as good as each other: of that version, else without one, else of the highest. */
function choose(candidates: readonly Candidate[], wanted: string | undefined): readonly Candidate[] {
  if (wanted !== undefined) return candidates.filter(({ version }) => version === wanted);
  const plain = candidates.filter(({ version }) => version === undefined);
  if (plain.length > 0) return plain;
  const versions = candidates.map(({ version }) => version!);
  const highest = versions.toSorted(compareVersions).at(-1);
  return candidates.filter(({ version }) => compareVersions(version!, highest!) === 0);
}

function checkName(
  found: FoundPolicy,
  name: string,
  version: string,
): Result<FoundPolicy, 'policy-misnamed'> {
  const { manifest, from } = found;
  if (manifest.name === name && manifest.version === version) return success(found);
  return failure(
    'policy-misnamed',
    `${from} is ${manifest.name} ${manifest.version} by its own words: name the file ` +
      `${manifest.name}@${manifest.version}${path.extname(from)}`,
  );
}

function ambiguous({ name }: Named, one: Candidate, other: Candidate): Failure<'policy-ambiguous'> {
  return failure(
    'policy-ambiguous',
    `${name} could be ${one.file} or ${other.file}: name a version, or take one of them out`,
  );
}

function unreadable(message: string): Failure<'policies-unreadable'> {
  return failure('policies-unreadable', message);
}

function notFound(named: string): Failure<'policy-not-found'> {
  return failure(
    'policy-not-found',
    `there is no policy ${quote(named)}: name one of ${listZoo().join(', ')}, a .wasm component or a .ts source`,
  );
}

function listZoo(): string[] {
  if (!existsSync(zooFolder)) return [];
  return readdirSync(zooFolder)
    .filter((name) => name.endsWith('.wasm'))
    .map((name) => name.slice(0, -'.wasm'.length));
}
