import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connectToLauncher } from '../../executor/launch/client.ts';
import type { HostPaths, LaunchFault, LauncherConnection, Standing } from '../../executor/launch/client.ts';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import type { Launch, LaunchedHost } from './launch.ts';

/** The launcher, as the runtime uses it. */
export interface Launcher {
  readonly launch: Launch;
  /** Hangs up, which ends every host that it launched. */
  close(): void;
}

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/**
 * Hosts from the launcher behind its socket: confined, each under a user of its own. A launcher that was started again
 * is connected to again at the next launch.
 */
export async function connectLauncher(socketPath: string): Promise<Result<Launcher, LaunchFault>> {
  const first = await connectToLauncher(socketPath);
  if (!first.ok) return first;
  // One at a time, since the launcher takes one connection: a second one would be refused.
  let connected: Promise<Result<LauncherConnection, LaunchFault>> = Promise.resolve(first);
  let closed = false;

  function connect(): Promise<Result<LauncherConnection, LaunchFault>> {
    connected = connected.then((last) =>
      closed || (last.ok && last.value.usable()) ? last : connectToLauncher(socketPath),
    );
    return connected;
  }

  return success({
    async launch() {
      const connection = await connect();
      const launched = connection.ok ? await launchOver(connection.value) : connection;
      return launched.ok ? launched : failure('host-failed', `no host was launched: ${launched.message}`);
    },
    close() {
      closed = true;
      void connected.then((last) => last.ok && last.value.close());
    },
  });
}

async function launchOver(
  connection: LauncherConnection,
): Promise<Result<LaunchedHost, LaunchFault | 'host-failed'>> {
  const started = await connection.start();
  if (!started.ok) return started;
  const { host, paths } = started.value;
  const ends = openEnds(paths);
  const opened = ends.ok ? await connection.opened(host) : ends;
  if (ends.ok && opened.ok)
    return success(overseeHost(ends.value, started.value, () => connection.kill(host)));
  void connection.kill(host);
  if (ends.ok) closeAll(ends.value);
  return opened.ok ? failure('host-failed', 'the host has no ends') : opened;
}

type Ends = Readonly<Record<keyof HostPaths, number>>;

/** The launcher holds the FIFOs open meanwhile, so that none of these waits for the host, or fails for want of it. */
function openEnds(paths: HostPaths): Result<Ends, 'host-failed'> {
  const ends: Partial<Record<keyof HostPaths, number>> = {};
  try {
    ends.requests = openSync(paths.requests, O_WRONLY | O_NONBLOCK);
    ends.replies = openSync(paths.replies, O_RDONLY | O_NONBLOCK);
    ends.diagnostics = openSync(paths.diagnostics, O_RDONLY | O_NONBLOCK);
    ends.shared = openSync(paths.shared, O_RDWR);
    return success(ends as Ends);
  } catch (error) {
    closeAll(ends);
    return failure('host-failed', `the host's files cannot be opened: ${(error as Error).message}`);
  }
}

function closeAll(ends: Partial<Ends>): void {
  for (const descriptor of Object.values(ends)) closeSync(descriptor);
}

function overseeHost(
  ends: Ends,
  { exited, report }: Standing,
  askToKill: () => ReturnType<LauncherConnection['kill']>,
): LaunchedHost {
  // Sockets read FIFOs by the event loop; file streams would keep a thread of the pool waiting for each.
  const requests = new Socket({ fd: ends.requests, readable: false, writable: true });
  const replies = new Socket({ fd: ends.replies, readable: true, writable: false });
  const diagnostics = new Socket({ fd: ends.diagnostics, readable: true, writable: false });
  // A FIFO that breaks is a host that ends, and `exited` says how.
  for (const stream of [requests, replies, diagnostics]) stream.on('error', () => {});
  return {
    requests,
    replies,
    diagnostics,
    shared: ends.shared,
    confinement: report,
    // Without a launcher the host still sees that nobody is left to ask it.
    kill: () => void askToKill().then((done) => done.ok || requests.destroy()),
    exited: exited.then(async (how) => {
      requests.destroy();
      await Promise.all([drain(replies), drain(diagnostics)]);
      return how;
    }),
  };
}

/** Resolves when the other end is closed and all is read, as 'close' of a child process does. */
function drain(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    else stream.once('close', resolve);
  });
}
