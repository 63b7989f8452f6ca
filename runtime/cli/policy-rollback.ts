import type { Command } from 'commander';
import { controlOption, tellDaemon, type ControlFlags } from './daemon.ts';
import type { Terminal } from './terminal.ts';

/** `terrace policy rollback`: out of a switch, or back to the version before. */
export function addPolicyRollbackVerb(policy: Command, terminal: Terminal): void {
  policy
    .command('rollback')
    .description('abandon the switch under way; where there is none, return to the last good version')
    .option('--scope <name>', 'needed where the daemon has several')
    .addOption(controlOption())
    .action(({ scope, ...flags }: ControlFlags & { readonly scope?: string }) =>
      tellDaemon(flags, terminal, (daemon) => daemon.rollback(scope)),
    );
}
