import type { Command } from 'commander';
import { checkConfig, type CheckedConfig, type CheckedPolicy, type CheckedScope } from '../config/check.ts';
import type { ConfigResult } from '../config/faults.ts';
import { buildInChild } from '../policy/build-in-child.ts';
import { openShelf } from '../policy/shelf.ts';
import type { Terminal } from './terminal.ts';

const DIGEST_DIGITS = 12;

/** `terrace check`: all that a daemon checks of its configuration before it starts or reloads, and nothing more. */
export function addCheckVerb(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .description("check a daemon's configuration and the policies it names; nothing is started")
    .requiredOption('--config <file>', 'the configuration file (docs/configuration.md)')
    .option('--json', 'print one line of JSON and nothing else')
    .action(async ({ config, json }: { readonly config: string; readonly json?: true }) => {
      const checked = await check(config);
      if (checked.ok)
        terminal.out(json ? formatJson(checked.value) : checked.value.scopes.map(formatScope).join(''));
      else for (const fault of checked.faults) terminal.fail(fault);
    });
}

async function check(file: string): Promise<ConfigResult<CheckedConfig, string>> {
  // Here, so that no other verb waits for the parsers to be loaded.
  const { readConfig } = await import('../config/read-config.ts');
  const config = readConfig(file);
  if (!config.ok) return config;
  const { policies } = config.value;
  const shelf = openShelf({ build: buildInChild, ...(policies !== undefined && { folder: policies }) });
  return checkConfig(config.value, shelf);
}

function formatScope({ scope, active, shadows }: CheckedScope): string {
  const { name, members } = scope;
  const whose = members.kind === 'uid' ? `uid ${members.uid}` : `cgroup ${members.path}`;
  const beside = shadows.map((shadow) => `; shadow ${formatPolicy(shadow)}`).join('');
  return `${name}: ${whose}, policy ${formatPolicy(active)}${beside}\n`;
}

function formatPolicy({ policy, settings }: CheckedPolicy): string {
  const { name, version } = policy.manifest;
  return `${name} ${version} sha256 ${policy.digest.slice(0, DIGEST_DIGITS)} ${JSON.stringify(settings)}`;
}

function formatJson({ config, scopes }: CheckedConfig): string {
  const listed = scopes.map(({ scope, active, shadows }) => ({
    scope: scope.name,
    members: scope.members,
    policy: describePolicy(active),
    shadows: shadows.map(describePolicy),
  }));
  return `${JSON.stringify({ config: config.file, scopes: listed })}\n`;
}

function describePolicy({ policy, settings }: CheckedPolicy): object {
  const { name, version } = policy.manifest;
  return { name, version, digest: policy.digest, from: policy.from, settings };
}
