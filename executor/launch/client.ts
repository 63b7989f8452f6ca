import { createConnection, type Socket } from 'node:net';
import { failure, success, type Failure, type Result } from '../result.ts';
import { ID_NONE, nextId, readReply } from '../wire/envelope.ts';
import { createFrameReader, encodeFrame } from '../wire/frames.ts';
import { LAUNCH_BOUNDS } from './limits.ts';
import { LAUNCH_FAULTS, readExit, readStarted } from './messages.ts';
import type { HostExit, LaunchFault, LaunchRequest, StartedHost } from './messages.ts';

export type { HostPaths, LaunchFault, StartedHost } from './messages.ts';

/** A host that stands; `exited` resolves with how it ended, in words, also when the launcher goes first. */
export type Standing = StartedHost & { readonly exited: Promise<string> };

/** A connection to the launcher. Every host started over it ends with it. */
export interface LauncherConnection {
  usable(): boolean;
  start(): Promise<Result<Standing, LaunchFault>>;
  opened(host: number): Promise<Result<true, LaunchFault>>;
  kill(host: number): Promise<Result<true, LaunchFault>>;
  close(): void;
}

const GREETING_MS_MAX = 5_000;
/** Somewhat more than the launcher itself gives a stage. */
const REPLY_MS_MAX = LAUNCH_BOUNDS.startMsMax + 5_000;

export function connectToLauncher(socketPath: string): Promise<Result<LauncherConnection, LaunchFault>> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      const { greeted, ...connection } = createConnectionOver(socket, socketPath);
      void greeted.then((greeting) => resolve(greeting.ok ? success(connection) : greeting));
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      const denied = code === 'EACCES' || code === 'EPERM';
      resolve(
        failure(
          denied ? 'permission-missing' : 'launcher-unreachable',
          `no launcher at ${socketPath} (${code}); start it as root: node executor/launch.ts --config FILE`,
        ),
      );
    });
  });
}

interface Waiting {
  readonly settle: (reply: Result<unknown, LaunchFault>) => void;
  readonly cancel: () => void;
}

interface Greeted extends LauncherConnection {
  /** Whether the launcher serves this connection. */
  readonly greeted: Promise<Result<true, LaunchFault>>;
}

function createConnectionOver(socket: Socket, socketPath: string): Greeted {
  const reader = createFrameReader(LAUNCH_BOUNDS.messageBytesMax);
  const waiting = new Map<number, Waiting>();
  const exits = new Map<number, (how: string) => void>();
  let lastId = 0;

  /** Nobody waits for an idle launcher. */
  function keepAwake(): void {
    if (waiting.size + exits.size > 0) socket.ref();
    else socket.unref();
  }

  function take(message: unknown): boolean {
    const exit = readExit(message);
    if (exit) {
      exits.get(exit.host)?.(describe(exit));
      return exits.delete(exit.host);
    }
    for (const [id, { settle, cancel }] of waiting) {
      const reply = readReply(message, id, LAUNCH_FAULTS);
      if (!reply) continue;
      waiting.delete(id);
      cancel();
      settle(reply);
      return true;
    }
    return false;
  }

  function hear<T>(
    id: number,
    msMax: number,
    read: (value: unknown) => T | undefined,
  ): Promise<Result<T, LaunchFault>> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), msMax);
      waiting.set(id, {
        cancel: () => clearTimeout(timer),
        // Read at once, not when the promise is looked at: word of the host's end may be in the same bytes.
        settle(reply) {
          const value = reply.ok ? read(reply.value) : undefined;
          if (reply.ok && value === undefined) socket.destroy();
          if (!reply.ok) resolve(reply);
          else resolve(value === undefined ? hungUp(socketPath) : success(value));
        },
      });
      keepAwake();
    });
  }

  function ask<T>(
    request: LaunchRequest,
    read: (value: unknown) => T | undefined,
  ): Promise<Result<T, LaunchFault>> {
    if (!socket.writable) return Promise.resolve(hungUp(socketPath));
    lastId = nextId(lastId);
    const frame = encodeFrame({ ...request, id: lastId }, LAUNCH_BOUNDS.requestBytesMax);
    if (!frame.ok) throw new Error(frame.message);
    const answer = hear(lastId, REPLY_MS_MAX, read);
    socket.write(frame.value);
    return answer;
  }

  function expectExit(value: unknown): Standing | undefined {
    const started = readStarted(value);
    if (!started || exits.has(started.host)) return undefined;
    const { promise: exited, resolve } = Promise.withResolvers<string>();
    exits.set(started.host, resolve);
    return { ...started, exited };
  }

  socket.on('data', (chunk: Uint8Array) => {
    for (const message of reader.read(chunk)) if (!message.ok || !take(message.value)) socket.destroy();
    keepAwake();
  });
  // 'close' follows an error and tells the same.
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const { settle, cancel } of waiting.values()) {
      cancel();
      settle(hungUp(socketPath));
    }
    for (const resolve of exits.values()) resolve('ended with the connection to its launcher');
    waiting.clear();
    exits.clear();
  });

  return {
    greeted: hear(ID_NONE, GREETING_MS_MAX, isTrue),
    usable: () => socket.writable,
    start: () => ask({ kind: 'start' }, expectExit),
    opened: (host) => ask({ kind: 'opened', host }, isTrue),
    kill: (host) => ask({ kind: 'kill', host }, isTrue),
    close: () => socket.destroy(),
  };
}

function isTrue(value: unknown): true | undefined {
  return value === true ? true : undefined;
}

function describe({ code, signal, outOfMemory }: HostExit): string {
  const how = signal === null ? `exited with ${code}` : `was ended by ${signal}`;
  return outOfMemory ? `${how}: it had used up the memory that its cgroup allows` : how;
}

function hungUp(socketPath: string): Failure<LaunchFault> {
  return failure(
    'launcher-unreachable',
    `the launcher at ${socketPath} hung up; see its log, then start it again`,
  );
}
