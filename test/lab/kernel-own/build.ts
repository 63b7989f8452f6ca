import { copyFile, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { digestOf, exists, workFolder } from '../cache.ts';
import { runCommand } from '../command.ts';
import { keptKernel } from '../kernel.ts';
import type { LabKernel } from '../kernel.ts';
import { findSource, unpackSource } from './source.ts';
import type { KernelSource } from './source.ts';

export type OwnKernelFault = 'kernel-source-not-found' | 'kernel-not-built';

type Say = (line: string) => void;

const FRAGMENT = join(import.meta.dirname, 'linux/lab.config');
const PATCH = join(import.meta.dirname, 'linux/move_phys_pages.patch');
/** Part of the digest: raise it when the steps below change what comes out. */
const RECIPE = 'recipe 1';
const HEARTBEAT_MS = 15_000;
const OBJECTS_ABOUT = 1_400;
const POLL_MS = 1000;
const WAIT_MS_MAX = 900_000;
const JOBS_MAX = 8;
const TAIL_LINES = 20;
/** The image does not tell who built it, where and when. */
const BUILD_ENVIRONMENT = {
  KBUILD_BUILD_USER: 'terrace',
  KBUILD_BUILD_HOST: 'lab',
  KBUILD_BUILD_TIMESTAMP: '1970-01-01',
};

/** Runs one step of the build beside its heartbeat; what it said last stands in the failure. */
async function runStep(
  label: string,
  command: readonly [string, ...string[]],
  cwd: string,
  say: Say,
): Promise<Result<true, 'kernel-not-built'>> {
  const started = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const tail: string[] = [];
  let objects = 0;
  const onLine = (line: string): void => {
    if (/^ {2}(CC|AS)\b/.test(line)) objects++;
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
  };
  const heartbeat = setInterval(
    () =>
      say(
        `lab: own kernel: ${label}: ${seconds()}${objects > 0 ? `, ${objects} of about ${OBJECTS_ABOUT} objects` : ''}`,
      ),
    HEARTBEAT_MS,
  );
  const [program, ...args] = command;
  const done = await runCommand(program, args, { cwd, env: BUILD_ENVIRONMENT, onLine });
  clearInterval(heartbeat);
  if (done.ok) {
    say(`lab: own kernel: ${label}: done after ${seconds()}`);
    return success(true);
  }
  const needed = 'it needs flex bison bc libelf-dev libssl-dev gcc make patch';
  return failure(
    'kernel-not-built',
    `own kernel: ${label} failed (${needed}); its last lines:\n${tail.join('\n') || done.message}`,
  );
}

/** Lines of a configuration fragment that the configuration does not keep, for want of what they depend on. */
export function unmetOptions(fragment: string, config: string): string[] {
  const kept = new Set(config.split('\n'));
  const isMet = (line: string): boolean =>
    line.endsWith('=n') ? !config.includes(`\n${line.slice(0, -1)}`) : kept.has(line);
  return fragment.split('\n').filter((line) => line.startsWith('CONFIG_') && !isMet(line));
}

async function configure(tree: string, say: Say): Promise<Result<true, 'kernel-not-built'>> {
  const script = [
    'make tinyconfig',
    'scripts/kconfig/merge_config.sh -m .config "$1"',
    'make olddefconfig',
  ].join(' && ');
  const configured = await runStep('configuring', ['sh', '-c', script, 'sh', FRAGMENT], tree, say);
  if (!configured.ok) return configured;
  const config = await readFile(join(tree, '.config'), 'utf8');
  const unmet = unmetOptions(await readFile(FRAGMENT, 'utf8'), config);
  if (unmet.length === 0) return success(true);
  return failure('kernel-not-built', `own kernel: this source does not take ${unmet.join(' ')}`);
}

async function compile(
  source: KernelSource,
  work: string,
  say: Say,
): Promise<Result<string, 'kernel-not-built'>> {
  const tree = join(work, 'linux');
  say(`lab: own kernel: unpacking Linux ${source.version}`);
  const unpacked = await unpackSource(source, tree);
  if (!unpacked.ok) return failure('kernel-not-built', `own kernel: unpacking failed: ${unpacked.message}`);
  const patched = await runStep('patching', ['patch', '-p1', '--forward', '-i', PATCH], tree, say);
  if (!patched.ok) return patched;
  const configured = await configure(tree, say);
  if (!configured.ok) return configured;
  const jobs = Math.min(availableParallelism(), JOBS_MAX);
  say('lab: own kernel: compiling: about 4 minutes on two idle processors, once');
  const made = await runStep('compiling', ['nice', '-n', '10', 'make', `-j${jobs}`, 'bzImage'], tree, say);
  return made.ok ? success(tree) : made;
}

/** Lets another process that is building the same kernel finish, rather than share the processors with it. */
async function waitForOthers(builds: string, name: string, say: Say): Promise<void> {
  const started = performance.now();
  for (let saidAt = -Infinity; ; await sleep(POLL_MS)) {
    const names = (await exists(builds)) ? await readdir(builds) : [];
    const pids = names.flatMap((each) => (each.startsWith(name) ? [each.split('-').at(-2)] : []));
    const alive = await Promise.all(pids.map((pid) => exists(`/proc/${pid}`)));
    const now = performance.now();
    // A process id may have changed hands: not for ever, then.
    if (!alive.includes(true) || now - started > WAIT_MS_MAX) return;
    if (now - saidAt < HEARTBEAT_MS) continue;
    say(
      `lab: own kernel: process ${pids[alive.indexOf(true)]} builds it: ${Math.round((now - started) / 1000)} s`,
    );
    saidAt = now;
  }
}

/**
 * The lab's own kernel: Debian's source of Linux 6.12 with the fragment and the patch of linux/. Kept by the digest
 * of these, the version of the source and the compiler, under its name only when complete.
 */
export async function buildOwnKernel(cache: string, say: Say): Promise<Result<LabKernel, OwnKernelFault>> {
  const source = await findSource(cache, say);
  if (!source.ok) return source;
  const compiler = await runCommand('gcc', ['--version']);
  const compiled = compiler.ok ? (compiler.value.split('\n')[0] as string) : 'no compiler';
  const digest = await digestOf([FRAGMENT, PATCH], source.value.version, compiled, RECIPE);
  const keep = join(cache, 'kernels', `own-${digest}`);
  const builds = join(cache, 'builds');
  if (!(await exists(keep))) await waitForOthers(builds, `own-${digest}`, say);
  const kept = await keptKernel(keep);
  if (kept) return success(kept);

  const work = await workFolder(builds, `own-${digest}`);
  try {
    const tree = await compile(source.value, work, say);
    if (!tree.ok) return tree;
    const release = (await readFile(join(tree.value, 'include/config/kernel.release'), 'utf8')).trim();
    const folder = join(work, 'kernel');
    await mkdir(folder);
    await copyFile(join(tree.value, '.config'), join(folder, `config-${release}`));
    await copyFile(join(tree.value, 'arch/x86/boot/bzImage'), join(folder, `vmlinuz-${release}`));
    await mkdir(join(cache, 'kernels'), { recursive: true });
    await rename(folder, keep).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await exists(keep))) throw error;
    });
    return success({ release, image: join(keep, `vmlinuz-${release}`) });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
