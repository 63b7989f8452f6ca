import { setTimeout as sleep } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../package-root.ts';
import { addBuildVerb } from './build.ts';
import { addCheckVerb } from './check.ts';
import { addDryRunVerb } from './dry-run.ts';
import { addLaunchVerb } from './launch.ts';
import { addPauseVerb } from './pause.ts';
import { addPolicyCheckVerb } from './policy-check.ts';
import { addPolicyGroup } from './policy-group.ts';
import { addPolicyListVerb } from './policy-list.ts';
import { addPolicyRollbackVerb } from './policy-rollback.ts';
import { addPolicySwitchVerb } from './policy-switch.ts';
import { addReloadVerb } from './reload.ts';
import { addReplayVerb } from './replay.ts';
import { addResumeVerb } from './resume.ts';
import { addRunVerb } from './run.ts';
import { addStatusVerb } from './status.ts';
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
  addCheckVerb(program, terminal);
  addRunVerb(program, terminal);
  addReplayVerb(program, terminal);
  for (const add of [addStatusVerb, addPauseVerb, addResumeVerb, addReloadVerb]) add(program, terminal);
  const policy = addPolicyGroup(program);
  addPolicyCheckVerb(policy, terminal);
  for (const add of [addPolicyListVerb, addPolicySwitchVerb, addPolicyRollbackVerb]) add(policy, terminal);
  addLaunchVerb(program);
  return program;
}

/** Runs one command line (without `node` and the script) and answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { stdout, stderr, env } = process;
  const terminal = createTerminal({
    stdout,
    stderr,
    noColour: env.NO_COLOR !== undefined,
    nowMs: Date.now,
    interrupted: catchInterrupts,
    onHangUp: (action) => void process.on('SIGHUP', action),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
  });
  try {
    await createProgram(terminal).parseAsync([...args], { from: 'user' });
    return terminal.exitCode();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}

/** The next interrupt ends the process again, should the first have no effect. */
function catchInterrupts(): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  process.once('SIGINT', abort).once('SIGTERM', abort);
  return controller.signal;
}
