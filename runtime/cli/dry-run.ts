import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Failure, Result } from '../../executor/result.ts';
import type { Settings } from '../contract.ts';
import { DEFAULT_COST_MODEL } from '../cost-model.ts';
import { openPolicy } from '../policy/open.ts';
import type { HostedPolicy } from '../policy/load.ts';
import { recordInto } from '../policy/recording/record-host.ts';
import { createDryRun, DRY_RUN_DEFAULTS, type DryRun } from '../simulate/dry-run.ts';
import { BUNDLED_TRACE, loadTrace, traceName } from '../trace/load.ts';
import type { StepReport } from '../engine.ts';
import { describeChange } from '../govern/decision.ts';
import { createDecisionFile } from '../govern/decision-log.ts';
import { formatConfinement } from './confinement-line.ts';
import { drawHeatStrip } from './heat-strip.ts';
import { collectSetting } from './settings.ts';
import type { Terminal } from './terminal.ts';

const STRIP_CELLS = 40;

interface DryRunFlags {
  readonly trace: string;
  readonly policy: string;
  readonly against: string;
  readonly set: Settings;
  readonly seed: number;
  readonly decisions?: string;
  readonly record?: string;
  readonly json?: true;
}

interface Contender {
  readonly name: string;
  readonly run: DryRun;
}

/** `terrace dry-run`: a trace on a simulated two-tier machine, one policy beside another. */
export function addDryRunVerb(program: Command, terminal: Terminal): void {
  program
    .command('dry-run')
    .description('replay a page trace on a simulated two-tier machine and compare two policies')
    .addOption(
      new Option('--trace <file>', 'a .pgt page trace').default(BUNDLED_TRACE, 'the bundled one, of redis'),
    )
    .option('--policy <name|file>', 'built-in policy, .wasm component or .ts source', 'heat')
    .option('--against <name|file>', 'the policy to compare with', 'hold')
    .addOption(
      new Option('--set <name=value>', 'a setting of --policy (repeatable)')
        .argParser(collectSetting)
        .default({}, 'what the policy says'),
    )
    .option('--seed <number>', 'seed of the sampling noise', parseSeed, DRY_RUN_DEFAULTS.seed)
    .option(
      '--decisions <file>',
      'append a line of JSON per epoch of --policy: what was decided, by whom and why',
    )
    .option('--record <folder>', 'record what --policy is asked and answers, for `terrace replay`')
    .option('--json', 'print one line of JSON and nothing else')
    .action(async (flags: DryRunFlags) => {
      const failed = await dryRun(flags, terminal);
      if (failed) terminal.fail(failed);
    });
}

async function dryRun(flags: DryRunFlags, terminal: Terminal): Promise<Failure | undefined> {
  const trace = loadTrace(flags.trace);
  if (!trace.ok) return trace;
  const policies = await openBoth(flags, terminal);
  if (!policies.ok) return policies;
  const options = { ...DRY_RUN_DEFAULTS, trace: trace.value, cost: DEFAULT_COST_MODEL, seed: flags.seed };
  const decisions = flags.decisions === undefined ? undefined : createDecisionFile({ path: flags.decisions });
  const contenders = policies.value.map((policy, i) => ({
    name: policy.manifest.name,
    run: createDryRun({ ...options, policy, ...(i === 0 && decisions && { decisions }) }),
  }));
  const out = flags.json ? () => {} : terminal.out;
  out(
    `${traceName(flags.trace)}: ${trace.value.epochs.length} epochs, seed ${flags.seed}, fast tier a quarter of the pages\n`,
  );
  if (!flags.json) terminal.err(formatConfinement(policies.value[0].confinement));
  await replay(contenders, out, terminal);
  terminal.out(flags.json ? formatJson(flags, contenders) : formatSummary(contenders));
  await Promise.all(contenders.map(({ run }) => run.close()));
  return undefined;
}

async function openBoth(
  flags: DryRunFlags,
  terminal: Terminal,
): Promise<Result<[HostedPolicy, HostedPolicy]>> {
  const onFault = (message: string): void => terminal.err(`terrace: recording-ended: ${message}\n`);
  const recording = flags.record === undefined ? {} : { recording: recordInto(flags.record, onFault) };
  const first = await openPolicy(flags.policy, flags.set, recording);
  if (!first.ok) return first;
  const second = await openPolicy(flags.against, {});
  if (second.ok) return { ok: true, value: [first.value, second.value] };
  await first.value.close();
  return second;
}

async function replay(
  contenders: readonly Contender[],
  out: (text: string) => void,
  terminal: Terminal,
): Promise<void> {
  for (;;) {
    const reports: (StepReport | undefined)[] = [];
    for (const { run } of contenders) reports.push(await run.step());
    const [report] = reports;
    if (!report) return;
    for (const [i, { name }] of contenders.entries()) tellTroubles(reports[i], name, terminal);
    out(formatEpoch(report, contenders, terminal.colour));
  }
}

function tellTroubles(report: StepReport | undefined, name: string, terminal: Terminal): void {
  if (!report) return;
  const { epoch, fault, duty, logFault } = report;
  const tell = (code: string, message: string): void =>
    terminal.err(`terrace: ${code}: epoch ${epoch}, ${name}: ${message}\n`);
  if (fault) tell(fault.code, fault.message);
  if (logFault) tell(logFault.code, logFault.message);
  if (duty.change) tell('policy-changed', describeChange(duty.rung, duty.change));
}

function formatEpoch(report: StepReport, contenders: readonly Contender[], colour: boolean): string {
  const columns = contenders.map(({ name, run }) => {
    const { fastTierHitRatio, moved, rejected } = run.totals();
    return `${name} ${(100 * fastTierHitRatio).toFixed(1).padStart(5)} % fast ${String(moved).padStart(6)} moved ${String(rejected).padStart(3)} refused`;
  });
  const strip = report.sample ? drawHeatStrip(report.sample.rows, STRIP_CELLS, colour) : '';
  return `epoch ${String(report.epoch).padStart(4)} │ ${columns.join(' │ ')} │${strip}│\n`;
}

function formatSummary(contenders: readonly Contender[]): string {
  const lines = contenders.map(({ name, run }) => {
    const { fastTierHitRatio, slowdown, moved, promoted, demoted, rejected } = run.totals();
    const hits = `${(100 * fastTierHitRatio).toFixed(1)} %`;
    return `${name.padEnd(14)} ${hits.padStart(8)} ${slowdown.toFixed(3).padStart(9)} ${moved.toString().padStart(8)} ${promoted.toString().padStart(9)} ${demoted.toString().padStart(8)} ${rejected.toString().padStart(8)}\n`;
  });
  return `\npolicy         fast hits  slowdown    moved  promoted  demoted  refused\n${lines.join('')}`;
}

function formatJson({ trace, seed }: DryRunFlags, contenders: readonly Contender[]): string {
  const epochs = contenders[0].run.epochs;
  const policies = contenders.map(({ name, run }) => ({ name, ...run.totals() }));
  return `${JSON.stringify({ trace: traceName(trace), epochs, seed, policies })}\n`;
}

function parseSeed(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number from 0 to 999999999');
}
