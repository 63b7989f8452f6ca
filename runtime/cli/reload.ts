import type { Command } from 'commander';
import { controlOption, tellDaemon, type ControlFlags } from './daemon.ts';
import type { Terminal } from './terminal.ts';

/** `terrace reload`: the configuration file again, all of it or nothing. */
export function addReloadVerb(program: Command, terminal: Terminal): void {
  program
    .command('reload')
    .description('have the daemon read its configuration file again; one that is refused changes nothing')
    .addOption(controlOption())
    .action((flags: ControlFlags) => tellDaemon(flags, terminal, (daemon) => daemon.reload()));
}
