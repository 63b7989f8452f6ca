import type { Command } from 'commander';
import { controlOption, tellDaemon, type ControlFlags } from './daemon.ts';
import type { Terminal } from './terminal.ts';

/** `terrace resume`: the end of `terrace pause`. */
export function addResumeVerb(program: Command, terminal: Terminal): void {
  program
    .command('resume')
    .description('let memory move again after a pause, from the next epoch on')
    .argument('[scope]', 'every scope where none is named')
    .addOption(controlOption())
    .action((scope: string | undefined, flags: ControlFlags) =>
      tellDaemon(flags, terminal, (daemon) => daemon.resume(scope)),
    );
}
