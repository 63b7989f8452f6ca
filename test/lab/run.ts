import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { workFolder } from './cache.ts';
import { baseImage, buildFixture, buildPackage, buildWorkload, runImage } from './image.ts';
import type { ImageFault } from './image.ts';
import { findKernel, givenKernel } from './kernel.ts';
import type { KernelFault, LabKernel } from './kernel.ts';
import { buildOwnKernel } from './kernel-own/build.ts';
import type { OwnKernelFault } from './kernel-own/build.ts';
import { openShell, runMachine } from './machine.ts';
import type { GuestReport, MachineFault } from './machine.ts';
import { factsOf, judge } from './scenario.ts';
import type { Judgement, KernelName, Scenario } from './scenario.ts';

export type LabFault = KernelFault | OwnKernelFault | ImageFault | MachineFault;

/** Where a lab run happens and whom it tells. */
export interface LabSetting {
  /** Root of the clone. */
  readonly project: string;
  readonly cache: string;
  /** A kernel image in place of the stock one. */
  readonly kernelImage?: string;
  readonly say: (line: string) => void;
}

export interface LabReport {
  readonly scenario: string;
  readonly kernel: string;
  readonly bootMs: number;
  readonly wallMs: number;
  readonly facts: Readonly<Record<string, number>>;
  readonly judgements: readonly Judgement[];
  readonly passed: boolean;
  readonly console: string;
}

interface Prepared {
  readonly release: string;
  readonly kernel: string;
  readonly image: string;
  readonly folder: string;
}

/** The kernels that a scenario runs on here: an image that the operator names stands for all of them. */
export function kernelsOf(scenario: Scenario, setting: LabSetting): readonly KernelName[] {
  return setting.kernelImage ? scenario.kernels.slice(0, 1) : scenario.kernels;
}

function provideKernel(name: KernelName, setting: LabSetting): Promise<Result<LabKernel, LabFault>> {
  if (setting.kernelImage) return givenKernel(setting.kernelImage);
  if (name === 'own') return buildOwnKernel(setting.cache, setting.say);
  return findKernel(name, setting.cache, setting.say);
}

async function prepare(
  scenario: Scenario,
  kernelName: KernelName,
  setting: LabSetting,
): Promise<Result<Prepared, LabFault>> {
  const { project, cache, say } = setting;
  const kernel = await provideKernel(kernelName, setting);
  if (!kernel.ok) return kernel;
  const base = await baseImage(project, cache, say);
  if (!base.ok) return base;
  const workloads: { name: string; file: string }[] = [];
  for (const name of scenario.workloads) {
    const built = await buildWorkload(project, name, cache);
    if (!built.ok) return built;
    workloads.push({ name, file: built.value });
  }
  const folder = await workFolder(join(cache, 'runs'), scenario.name);
  const policies: { name: string; file: string }[] = [];
  for (const name of scenario.fixtures ?? []) {
    const built = await buildFixture(project, name, folder);
    if (!built.ok) return built;
    policies.push({ name, file: built.value });
  }
  const built = scenario.installed ? await buildPackage(project, folder) : success(undefined);
  if (!built.ok) return built;
  const compiled = built.value;
  const image = join(folder, 'initrd.cpio');
  const contents = { workloads, policies, scenario, ...(compiled !== undefined && { compiled }) };
  await runImage(project, base.value, contents, image);
  return success({ release: kernel.value.release, kernel: kernel.value.image, image, folder });
}

function describe(record: Record<string, unknown>): string {
  const { fact, value, note, ...rest } = record;
  const head = typeof fact === 'string' ? `${fact} = ${value}` : String(note ?? '');
  return Object.keys(rest).length === 0 ? head : `${head} ${JSON.stringify(rest)}`;
}

function report(scenario: Scenario, release: string, guest: GuestReport): LabReport {
  const facts = factsOf(guest.records);
  const judgements = judge(scenario.expectations, facts);
  const passed = judgements.every(({ met }) => met);
  const { bootMs, wallMs, console } = guest;
  return { scenario: scenario.name, kernel: release, bootMs, wallMs, facts, judgements, passed, console };
}

/** Boots the scenario's machine, runs its driver and judges what it reported. */
export async function runScenario(
  scenario: Scenario,
  kernelName: KernelName,
  setting: LabSetting,
): Promise<Result<LabReport, LabFault>> {
  const prepared = await prepare(scenario, kernelName, setting);
  if (!prepared.ok) return prepared;
  const { kernel, image, folder, release } = prepared.value;
  const { topology, kernelArguments, clock, timeoutMs } = scenario;
  try {
    setting.say(`lab: ${scenario.name} on Linux ${release}`);
    const spec = { kernel, image, topology, kernelArguments, clock, timeoutMs };
    const guest = await runMachine(spec, (record) => setting.say(`lab:   ${describe(record)}`));
    return guest.ok ? success(report(scenario, release, guest.value)) : guest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The scenario's machine with a shell in place of its driver; answers QEMU's status. */
export async function runShell(
  scenario: Scenario,
  kernelName: KernelName,
  setting: LabSetting,
): Promise<Result<number, LabFault>> {
  const prepared = await prepare({ ...scenario, driver: 'shell' }, kernelName, setting);
  if (!prepared.ok) return prepared;
  const { kernel, image, folder } = prepared.value;
  const { topology, kernelArguments, clock } = scenario;
  try {
    return await openShell({ kernel, image, topology, kernelArguments, clock });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
