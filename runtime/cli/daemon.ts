import { Option } from 'commander';
import { failure, success, type Failure, type Result } from '../../executor/result.ts';
import { connectControl, type ControlClient } from '../control/client.ts';
import { defaultControlSocket } from '../control/default-socket.ts';
import type { DaemonStatus, ScopeStatus } from '../control/status.ts';
import type { Terminal } from './terminal.ts';

export interface ControlFlags {
  readonly control: string;
}

export function controlOption(): Option {
  return new Option('--control <path>', "the daemon's control socket").default(defaultControlSocket);
}

/** Connects, lets `use` talk to the daemon, hangs up, and tells how it failed if it did. */
export async function withDaemon(
  { control }: ControlFlags,
  terminal: Terminal,
  use: (daemon: ControlClient) => Promise<Failure | undefined>,
): Promise<void> {
  const daemon = await connectControl(control);
  if (!daemon.ok) return terminal.fail(daemon);
  const failed = await use(daemon.value);
  await daemon.value.close();
  if (failed) terminal.fail(failed);
}

/** Asks for one thing and prints the answer. */
export function tellDaemon(
  flags: ControlFlags,
  terminal: Terminal,
  ask: (daemon: ControlClient) => Promise<Result<string>>,
): Promise<void> {
  return withDaemon(flags, terminal, async (daemon) => {
    const answer = await ask(daemon);
    if (!answer.ok) return answer;
    terminal.out(`${answer.value}\n`);
    return undefined;
  });
}

/** Aborted by an interrupt, which also ends the request under way, however long the daemon takes. */
export function stopAtInterrupt(daemon: ControlClient, terminal: Terminal): AbortSignal {
  const interrupted = terminal.interrupted();
  interrupted.addEventListener('abort', () => void daemon.close(), { once: true });
  return interrupted;
}

/** The scope of that name, or the only one there is. */
export function findScope(
  { scopes }: DaemonStatus,
  named: string | undefined,
): Result<ScopeStatus, 'scope-unknown'> {
  const found = named === undefined ? scopes : scopes.filter(({ scope }) => scope === named);
  if (found.length === 1) return success(found[0]!);
  const names = scopes.map(({ scope }) => scope).join(', ');
  const wrong = named === undefined ? 'more than one scope is served' : `there is no scope ${named}`;
  return failure(
    'scope-unknown',
    `${scopes.length === 0 ? 'no scope is served' : wrong}; name one of: ${names}`,
  );
}
