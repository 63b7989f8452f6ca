import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Failure } from '../../executor/result.ts';
import type { Settings } from '../contract.ts';
import type { ControlClient } from '../control/client.ts';
import { trialEpochsMax } from '../limits.ts';
import { controlOption, findScope, withDaemon, type ControlFlags } from './daemon.ts';
import { followSwitch } from './follow-switch.ts';
import { collectSetting } from './settings.ts';
import type { Terminal } from './terminal.ts';

interface SwitchFlags extends ControlFlags {
  readonly scope?: string;
  readonly set?: Settings;
  readonly epochs?: number;
  readonly wait: boolean;
}

/** `terrace policy switch`: another policy for a scope, first as a shadow, without missing an epoch. */
export function addPolicySwitchVerb(policy: Command, terminal: Terminal): void {
  policy
    .command('switch')
    .description('have a running daemon follow another policy, once it has served as a shadow')
    .argument('<name|name@version|file>', 'built-in policy, .wasm component or .ts source')
    .option('--scope <name>', 'needed where the daemon has several')
    .addOption(
      new Option('--set <name=value>', 'a setting of the policy (repeatable)').argParser(collectSetting),
    )
    .option('--epochs <number>', 'epochs as a shadow, 0 for none; default as configured', parseEpochs)
    .option('--no-wait', 'do not wait for how it ends')
    .addOption(controlOption())
    .action((named: string, flags: SwitchFlags) =>
      withDaemon(flags, terminal, (daemon) => switchPolicy(daemon, locate(named), flags, terminal)),
    );
}

async function switchPolicy(
  daemon: ControlClient,
  policy: string,
  { scope: named, set, epochs, wait }: SwitchFlags,
  terminal: Terminal,
): Promise<Failure | undefined> {
  const status = await daemon.status();
  if (!status.ok) return status;
  const before = findScope(status.value, named);
  if (!before.ok) return before;
  const { scope } = before.value;
  const begun = await daemon.switchPolicy({
    ...{ scope, policy },
    ...(set !== undefined && { settings: set }),
    ...(epochs !== undefined && { trialEpochs: epochs }),
  });
  if (!begun.ok) return begun;
  terminal.out(`${begun.value}\n`);
  return wait ? followSwitch({ daemon, terminal, policy, before: before.value }) : undefined;
}

/** The daemon looks from a folder of its own. */
function locate(named: string): string {
  return /\/|\.(wasm|ts)$/.test(named) ? path.resolve(named) : named;
}

function parseEpochs(text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= trialEpochsMax) return Number(text);
  throw new InvalidArgumentError(`a whole number from 0 to ${trialEpochsMax}`);
}
