import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { cacheFolder } from './cache.ts';
import { runCommand } from './command.ts';
import { runScenario } from './run.ts';
import type { LabReport } from './run.ts';
import type { Scenario } from './scenario.ts';

/** Room for fetching a kernel and packing the image on top of the guest's own time. */
const SET_UP_MS_MAX = 180_000;

/** Why there is no lab here; a machine that must have one (CI) is never excused. */
async function excuse(): Promise<string | undefined> {
  if (process.env['CI'] === 'true') return undefined;
  const qemu = await runCommand('qemu-system-x86_64', ['--version']);
  return qemu.ok ? undefined : 'qemu-system-x86 is not installed';
}

/** One test file, one guest: boots the scenario and expects every fact to be as it says. */
export function expectScenario(scenario: Scenario, more: (report: LabReport) => void = () => {}): void {
  it(scenario.description, { timeout: scenario.timeoutMs + SET_UP_MS_MAX }, async (context) => {
    const reason = await excuse();
    if (reason !== undefined) return context.skip(reason);
    const image = process.env['TERRACE_LAB_KERNEL'];
    const log: string[] = [];
    const report = await runScenario(scenario, {
      project: resolve(import.meta.dirname, '../..'),
      cache: cacheFolder(process.env),
      ...(image ? { kernelImage: image } : {}),
      say: (line) => log.push(line),
    });
    if (!report.ok) throw new Error(`${report.code}: ${report.message}\n${log.join('\n')}`);
    const { bootMs, wallMs, kernel, judgements } = report.value;
    process.stderr.write(
      `lab: ${scenario.name}: Linux ${kernel}, booted in ${bootMs} ms, ${wallMs} ms in all\n`,
    );
    expect(
      judgements.filter(({ met }) => !met),
      log.join('\n'),
    ).toEqual([]);
    expect(bootMs).toBeLessThanOrEqual(15_000);
    more(report.value);
  });
}
