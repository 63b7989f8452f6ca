import type { Command } from 'commander';
import type { SettingSchema } from '../contract.ts';
import { hostMemoryPagesDefault } from '../limits.ts';
import { zoo } from '../policy/open.ts';
import type { AdmittedPolicy } from '../policy/parse/read-policy.ts';
import { quote } from '../policy/quote.ts';
import type { Terminal } from './terminal.ts';

const PAGE_KIB = 64;
const LABEL_WIDTH = 11;

/** `terrace policy check`: what every load does before a host sees the policy, and nothing more. */
export function addPolicyCheckVerb(policy: Command, terminal: Terminal): void {
  policy
    .command('check')
    .description('say what a policy is made of and whether a host would be given it; nothing of it runs')
    .argument('<name|file>', 'built-in policy, .wasm component or .ts source')
    .action(async (named: string) => {
      const admitted = await zoo.find(named);
      if (admitted.ok) terminal.out(describe(admitted.value));
      else terminal.fail(admitted);
    });
}

function describe({ manifest, digest, outline }: AdmittedPolicy): string {
  const { name, version, abi, columns, settings, reasons, stateVersion, stateBytesMax } = manifest;
  const rows: readonly (readonly [string, string])[] = [
    ['digest', `sha256 ${digest}`],
    ['size', `${outline.bytes} bytes`],
    ['abi', abi],
    ['columns', columns.join(', ') || 'none'],
    ...listed('settings', settings.map(describeSetting)),
    ...listed('reasons', reasons.map(quote)),
    ['state', `version ${stateVersion}, at most ${stateBytesMax} bytes`],
    ['imports', outline.imports.join(', ') || 'none'],
    ['functions', String(outline.functions)],
    ['globals', `${outline.mutableGlobals} that change`],
    ['memory', describeMemory(outline.memory)],
  ];
  const lines = rows.map(([label, text]) => `${label.padEnd(LABEL_WIDTH)}${text}\n`);
  return `${name} ${version} is admitted: ${manifest.description}\n${lines.join('')}`;
}

/** One row an item, the label on the first only. */
function listed(label: string, items: readonly string[]): (readonly [string, string])[] {
  return items.length === 0 ? [[label, 'none']] : items.map((item, i) => [i === 0 ? label : '', item]);
}

function describeSetting(setting: SettingSchema): string {
  const { name, type, description, min, max } = setting;
  const range = min === undefined && max === undefined ? '' : `, ${min ?? 'any'} to ${max ?? 'any'}`;
  return `${name}: ${type}, ${quote(setting.default)}${range}: ${description}`;
}

function describeMemory({ minimum, maximum }: AdmittedPolicy['outline']['memory']): string {
  const most = Math.min(maximum ?? hostMemoryPagesDefault, hostMemoryPagesDefault);
  return `${minimum * PAGE_KIB} KiB at first, at most ${most * PAGE_KIB} KiB`;
}
