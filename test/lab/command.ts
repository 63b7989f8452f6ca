import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';

export interface CommandOptions {
  readonly cwd?: string;
  /** Added to the caller's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Told each line of either stream as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs a host command to its end and answers its standard output. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Result<string, 'command-failed'>> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, LC_ALL: 'C', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { onLine } = options;
    if (onLine)
      for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.once('error', (error) => resolve(failure('command-failed', `${command}: ${error.message}`)));
    child.once('close', (status) => {
      if (status === 0) return resolve(success(output));
      const reason = errors.trim().split('\n').at(-1) || `status ${status}`;
      resolve(failure('command-failed', `${command} ${args.join(' ')}: ${reason}`));
    });
  });
}
