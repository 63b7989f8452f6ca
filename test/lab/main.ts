import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from './cache.ts';
import { kernelsOf, runScenario, runShell } from './run.ts';
import type { LabReport, LabSetting } from './run.ts';
import { SCENARIOS } from './scenarios/index.ts';

const USAGE =
  'usage: npm run lab -- --list | NAME [--kernel KERNEL] [--json] | shell [NAME] [--kernel KERNEL]';

function list(): void {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  for (const { name, kernels, description } of SCENARIOS)
    console.log(`${name.padEnd(width)}  ${description} (on ${kernels.join(', ')})`);
}

function print(report: LabReport): void {
  console.log(
    `${report.scenario}: Linux ${report.kernel}, booted in ${report.bootMs} ms, ${report.wallMs} ms in all`,
  );
  for (const { fact, value, min, max, met } of report.judgements) {
    const wanted = [min === undefined ? '' : `>= ${min}`, max === undefined ? '' : `<= ${max}`].filter(
      Boolean,
    );
    console.log(`  ${met ? 'ok ' : 'NOT'} ${fact} = ${value ?? 'not reported'} (${wanted.join(', ')})`);
  }
}

function fail(code: string, message: string): never {
  process.stderr.write(`${code}: ${message}\n`);
  process.exit(1);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { list: { type: 'boolean' }, json: { type: 'boolean' }, kernel: { type: 'string' } },
});
const kernelImage = process.env['TERRACE_LAB_KERNEL'];
const setting: LabSetting = {
  project: resolve(import.meta.dirname, '../..'),
  cache: cacheFolder(process.env),
  ...(kernelImage ? { kernelImage } : {}),
  say: (line) => process.stderr.write(`${line}\n`),
};
const isShell = positionals[0] === 'shell';
const name = positionals[isShell ? 1 : 0] ?? (isShell ? 'boot' : undefined);
const scenario = SCENARIOS.find((candidate) => candidate.name === name);

const kernels = scenario
  ? kernelsOf(scenario, setting).filter((each) => each === (values.kernel ?? each))
  : [];

if (values.list) list();
else if (name === undefined) fail('usage', USAGE);
else if (scenario === undefined)
  fail('scenario-unknown', `there is no scenario ${name}: see npm run lab -- --list`);
else if (kernels[0] === undefined)
  fail('kernel-unknown', `${name} runs on ${scenario.kernels.join(', ')}, not on ${values.kernel}`);
else if (isShell) {
  const left = await runShell(scenario, kernels[0], setting);
  if (!left.ok) fail(left.code, left.message);
} else
  for (const kernel of kernels) {
    const report = await runScenario(scenario, kernel, setting);
    if (!report.ok) fail(report.code, report.message);
    if (values.json) console.log(JSON.stringify(report.value));
    else print(report.value);
    if (!report.value.passed) process.exitCode = 1;
  }
