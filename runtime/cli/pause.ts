import type { Command } from 'commander';
import { controlOption, tellDaemon, type ControlFlags } from './daemon.ts';
import type { Terminal } from './terminal.ts';

/** `terrace pause`: from the next epoch on nothing moves. */
export function addPauseVerb(program: Command, terminal: Terminal): void {
  program
    .command('pause')
    .description('let nothing move from the next epoch on; what is observed and planned goes on')
    .argument('[scope]', 'every scope where none is named')
    .addOption(controlOption())
    .action((scope: string | undefined, flags: ControlFlags) =>
      tellDaemon(flags, terminal, (daemon) => daemon.pause(scope)),
    );
}
