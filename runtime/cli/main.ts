import { Command, CommanderError } from 'commander';
import { packageVersion } from '../package-root.ts';
import { addBuildVerb } from './build.ts';
import { addDryRunVerb } from './dry-run.ts';
import { addPolicyVerbs } from './policy-check.ts';
import { addReplayVerb } from './replay.ts';
import { createTerminal, EXIT, type Terminal } from './terminal.ts';

/** The tree of verbs; help, completions and the manual are drawn from it. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('terrace')
    .description('Memory tiering policies in a WebAssembly sandbox, carried out by a small trusted executor.')
    .version(packageVersion)
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .exitOverride()
    .showHelpAfterError('(terrace --help lists the verbs)');
  addDryRunVerb(program, terminal);
  addBuildVerb(program, terminal);
  addPolicyVerbs(program, terminal);
  addReplayVerb(program, terminal);
  return program;
}

/** Runs one command line (without `node` and the script) and answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { stdout, stderr, env } = process;
  const terminal = createTerminal({ stdout, stderr, noColour: env.NO_COLOR !== undefined });
  try {
    await createProgram(terminal).parseAsync([...args], { from: 'user' });
    return terminal.exitCode();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}
