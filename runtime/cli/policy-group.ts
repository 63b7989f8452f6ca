import type { Command } from 'commander';

/** `terrace policy`: the group that its verbs are added to. */
export function addPolicyGroup(program: Command): Command {
  return program
    .command('policy')
    .description('look at policies without running them, and say which one a running daemon follows');
}
