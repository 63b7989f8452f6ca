import { createConnection, type Socket } from 'node:net';
import { nextId, readReply } from './envelope.ts';
import { failure, success, type Failure, type Result } from '../result.ts';
import { createFrameReader, encodeFrame } from './frames.ts';

/** A peer answers within its call budget; one that is silent for this long is taken for dead. */
export const REPLY_MS_MAX = 120_000;

type ConnectionFault = 'permission-missing' | 'frame-too-large';

/** The process at the other end, and what to call its silence. */
export interface Peer<Code extends string> {
  readonly name: string;
  /** The command that starts it. */
  readonly command: string;
  readonly unreachable: Code;
  /** Codes it may answer with. */
  readonly codes: ReadonlySet<Code>;
  /** Of one request or reply; at most, and unless said otherwise, what a frame may have. */
  readonly messageBytesMax?: number;
}

export interface FrameClient<Code extends string> {
  /** Sends one request in its turn; `read` answers undefined for a value that is not what was asked for. */
  ask<T>(
    request: object,
    read: (value: unknown) => T | undefined,
  ): Promise<Result<T, Code | ConnectionFault>>;
  close(): Promise<void>;
}

/**
 * A process behind its socket. Requests go one after the other. When the connection breaks, the request
 * under way fails and is never repeated, since part of it may have been carried out; the next one connects
 * again.
 */
export async function connectFrames<Code extends string>(
  socketPath: string,
  peer: Peer<Code>,
): Promise<Result<FrameClient<Code>, Code | ConnectionFault>> {
  const first = await connect(socketPath, peer);
  if (!first.ok) return first;
  let connection: Connection<Code> = first.value;
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  let lastId = 0;

  async function exchange(request: object): Promise<Result<unknown, Code | ConnectionFault>> {
    if (closed) return failure(peer.unreachable, 'this connection was closed; connect again');
    lastId = nextId(lastId);
    const frame = encodeFrame({ ...request, id: lastId }, peer.messageBytesMax);
    if (!frame.ok) return failure('frame-too-large', frame.message);
    if (!connection.usable) {
      const again = await connect(socketPath, peer);
      if (!again.ok) return again;
      connection = again.value;
      if (closed) connection.close();
    }
    return connection.exchange(frame.value, lastId);
  }

  return success({
    ask(request, read) {
      const answer = turn.then(async () => {
        const reply = await exchange(request);
        if (!reply.ok) return reply;
        const value = read(reply.value);
        if (value !== undefined) return success(value);
        connection.close();
        return unintelligible(socketPath, peer);
      });
      turn = answer;
      return answer;
    },
    async close() {
      closed = true;
      connection.close();
      await turn;
    },
  });
}

interface Connection<Code extends string> {
  readonly usable: boolean;
  /** Sends one frame and waits for the reply to it. One exchange at a time. */
  exchange(frame: Uint8Array, id: number): Promise<Result<unknown, Code>>;
  close(): void;
}

function connect<Code extends string>(
  socketPath: string,
  peer: Peer<Code>,
): Promise<Result<Connection<Code>, Code | ConnectionFault>> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(success(createConnectionOver(socket, socketPath, peer)));
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      const denied = code === 'EACCES' || code === 'EPERM';
      const message = `no ${peer.name} at ${socketPath} (${code}); start it: ${peer.command}`;
      resolve(failure(denied ? 'permission-missing' : peer.unreachable, message));
    });
  });
}

function createConnectionOver<Code extends string>(
  socket: Socket,
  socketPath: string,
  peer: Peer<Code>,
): Connection<Code> {
  const reader = createFrameReader(peer.messageBytesMax);
  let waiting: { id: number; settle: (reply: Result<unknown, Code>) => void } | undefined;

  function settle(reply: Result<unknown, Code>): void {
    waiting?.settle(reply);
    waiting = undefined;
    socket.setTimeout(0);
    if (socket.destroyed) socket.unref();
  }

  socket.on('data', (chunk: Uint8Array) => {
    for (const message of reader.read(chunk)) {
      const reply = message.ok && waiting ? readReply(message.value, waiting.id, peer.codes) : undefined;
      if (!reply) socket.destroy();
      settle(reply ?? unintelligible(socketPath, peer));
    }
  });
  // 'close' follows an error and tells the same.
  socket.on('error', () => {});
  socket.on('close', () =>
    settle(
      failure(
        peer.unreachable,
        `the ${peer.name} at ${socketPath} hung up; see its log, then start it again`,
      ),
    ),
  );
  socket.on('timeout', () => socket.destroy());

  return {
    get usable() {
      return socket.writable && !socket.destroyed;
    },
    exchange(frame, id) {
      return new Promise((resolve) => {
        waiting = { id, settle: resolve };
        socket.setTimeout(REPLY_MS_MAX);
        socket.write(frame);
      });
    },
    close: () => socket.destroy(),
  };
}

function unintelligible<Code extends string>(socketPath: string, peer: Peer<Code>): Failure<Code> {
  return failure(
    peer.unreachable,
    `what listens at ${socketPath} does not answer as the ${peer.name} of this version; start that`,
  );
}
