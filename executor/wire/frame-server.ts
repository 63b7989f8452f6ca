import { createServer, type Socket } from 'node:net';
import { ID_NONE, readId } from './envelope.ts';
import { BOUNDS } from '../limits.ts';
import { failure, success, type Result } from '../result.ts';
import { createFrameReader, encodeFrame } from './frames.ts';
import { listen, removeStaleSocket, type ServeFault } from './unix-socket.ts';

/** Connections beyond are closed at once. */
export const CONNECTIONS_MAX = 16;

export interface FrameServerOptions {
  readonly socketPath: string;
  readonly connectionsMax?: number;
  /** Of one request or reply; at most, and unless said otherwise, what a frame may have. */
  readonly messageBytesMax?: number;
  /** Answers one message; called for one message at a time, whoever sent it. */
  readonly answer: (message: unknown) => Promise<Result<unknown>>;
}

export interface FrameServer {
  /** Stops listening, ends connections after the request under way, and removes the socket. */
  close(): Promise<void>;
}

/** Answers requests on a unix socket, for owner and group of the socket only. */
export async function serveFrames(options: FrameServerOptions): Promise<Result<FrameServer, ServeFault>> {
  const { socketPath, connectionsMax = CONNECTIONS_MAX, messageBytesMax = BOUNDS.frameBytesMax } = options;
  const cleared = await removeStaleSocket(socketPath);
  if (!cleared.ok) return cleared;
  const sockets = new Set<Socket>();
  const conversations = new Set<Promise<void>>();
  const send = createSender(messageBytesMax);
  let turn: Promise<unknown> = Promise.resolve();

  function answerInTurn(message: unknown): Promise<Result<unknown>> {
    const answer = turn.then(() => options.answer(message));
    turn = answer;
    return answer;
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    const conversation = converse(socket, answerInTurn, send, messageBytesMax).finally(() => {
      sockets.delete(socket);
      conversations.delete(conversation);
    });
    conversations.add(conversation);
  });
  server.maxConnections = connectionsMax;

  const listening = await listen(server, socketPath, 0o660);
  if (!listening.ok) return listening;
  return success({
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await turn;
      for (const socket of sockets) socket.destroySoon();
      await Promise.all([closed, ...conversations]);
    },
  });
}

/** Reading pauses while a request is answered, so a client cannot pile requests up here. */
async function converse(
  socket: Socket,
  answer: FrameServerOptions['answer'],
  send: ReturnType<typeof createSender>,
  messageBytesMax: number,
): Promise<void> {
  const reader = createFrameReader(messageBytesMax);
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      for (const message of reader.read(chunk)) {
        if (!message.ok) {
          const code = message.code === 'frame-too-large' ? message.code : 'request-unknown';
          await send(socket, ID_NONE, failure(code, message.message));
          return;
        }
        await send(socket, readId(message.value), await answer(message.value));
      }
    }
  } catch {
    // The client went away; what it asked for is journalled by whoever carried it out.
  } finally {
    socket.destroySoon();
  }
}

/** Large replies follow one another in one buffer: left to the garbage collector, several would pile up. */
function createSender(bytesMax: number) {
  let spare: ArrayBufferLike = new ArrayBuffer(0);

  return (socket: Socket, id: number, reply: Result<unknown>): Promise<void> => {
    const frame = encodeFrame({ id, ...reply }, bytesMax, spare);
    const whole = frame.ok ? frame : encodeFrame({ id, ...failure('frame-too-large', frame.message) });
    if (!whole.ok) return Promise.reject(new Error(whole.message));
    const { value } = whole;
    spare = new ArrayBuffer(0);
    return new Promise((resolve, reject) => {
      socket.write(value, (error) => {
        spare = value.buffer;
        if (error) reject(error);
        else resolve();
      });
    });
  };
}
