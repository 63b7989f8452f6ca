import { type ChildProcess, spawn } from 'node:child_process';

export interface ServiceCommand {
  /** The Node it runs on. */
  readonly node: string;
  readonly main: string;
  readonly arguments: readonly string[];
  /** The only group it is in, so that this group's members may open its socket. */
  readonly gid: number;
  /** How long it may take to end by itself once it was asked to, in milliseconds. */
  readonly endMsMax: number;
}

export interface ServiceEnding {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why there was no process at all. */
  readonly error?: string;
}

export interface RunningService {
  /** Resolves when its process is gone. */
  readonly ended: Promise<ServiceEnding>;
  /** SIGTERM, and SIGKILL when that does not do. */
  end(): void;
}

/**
 * Starts one of our own mains. Its standard input is a pipe on which nothing is ever written: it ends with this
 * process. Its standard error is ours.
 */
export function startService(command: ServiceCommand): RunningService {
  let child: ChildProcess;
  try {
    child = spawn(command.node, [command.main, ...command.arguments, '--until-stdin-ends'], {
      // A group of processes of its own: what a terminal interrupts is the launcher, which ends the others in order.
      ...{ cwd: '/', env: {}, gid: command.gid, detached: true },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  } catch (error) {
    return { ended: Promise.resolve(notStarted(error as Error)), end: () => {} };
  }
  child.stdin?.on('error', () => {});
  const ended = new Promise<ServiceEnding>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(notStarted(error));
    });
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });

  return {
    ended,
    end() {
      child.kill('SIGTERM');
      const overdue = setTimeout(() => child.kill('SIGKILL'), command.endMsMax);
      void ended.then(() => clearTimeout(overdue));
    },
  };
}

function notStarted({ message }: Error): ServiceEnding {
  return { code: null, signal: null, error: message };
}
