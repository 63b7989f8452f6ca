import { chownSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { failure, success, type Result } from '../result.ts';
import { ID_NONE, readId } from '../wire/envelope.ts';
import { createFrameReader, encodeFrame } from '../wire/frames.ts';
import { listen, type ServeFault } from '../wire/unix-socket.ts';
import type { HostSession, Hosts } from './hosts.ts';
import { LAUNCH_BOUNDS } from './limits.ts';
import { HOST_EXITED, readRequest } from './messages.ts';

export interface LaunchServerOptions {
  readonly socketPath: string;
  /** The only user who may connect. */
  readonly runtime: { readonly uid: number; readonly gid: number };
  readonly hosts: Hosts;
}

export interface LaunchServer {
  /** Stops listening and hangs up, which ends every host; resolves when they are gone. */
  close(): Promise<void>;
}

/** Answers one runtime at a time; its hosts live no longer than its connection. */
export async function serveLauncher(options: LaunchServerOptions): Promise<Result<LaunchServer, ServeFault>> {
  const { socketPath, runtime, hosts } = options;
  let current: Socket | undefined;
  let waiting: Socket | undefined;

  function serve(socket: Socket): void {
    current = socket;
    socket.once('close', () => {
      current = undefined;
      const next = waiting;
      waiting = undefined;
      if (next) serve(next);
    });
    void converse(socket, hosts.open());
  }

  /** A runtime that comes back is heard of before its hang-up as often as after it. */
  function queue(socket: Socket): void {
    waiting = socket;
    setTimeout(() => {
      if (waiting !== socket) return;
      waiting = undefined;
      refuse(socket);
    }, LAUNCH_BOUNDS.handOverMsMax);
  }

  const server = createServer((socket) => {
    // Whoever hangs up without being heard out is no fault of ours.
    socket.on('error', () => {});
    if (current === undefined) serve(socket);
    else if (waiting === undefined) queue(socket);
    else refuse(socket);
  });
  const listening = await listen(server, socketPath, 0o600);
  if (!listening.ok) return listening;
  chownSync(socketPath, runtime.uid, runtime.gid);
  return success({
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      waiting?.destroy();
      current?.destroy();
      await closed;
      await hosts.settled();
    },
  });
}

function refuse(socket: Socket): void {
  const busy = failure('launcher-busy', 'the launcher serves another runtime; end that one first');
  socket.end(encode({ id: ID_NONE, ...busy }));
}

async function converse(socket: Socket, session: HostSession): Promise<void> {
  const reader = createFrameReader(LAUNCH_BOUNDS.requestBytesMax);

  function send(message: object): void {
    if (socket.destroyed) return;
    socket.write(encode(message));
    if (socket.writableLength > LAUNCH_BOUNDS.unreadBytesMax) socket.destroy();
  }

  /** Not one after the other: a host that overran is killed while another one starts. */
  async function answer(message: unknown): Promise<void> {
    const id = readId(message);
    const request = readRequest(message);
    if (!request.ok) return send({ id, ...request });
    const { value } = request;
    if (value.kind !== 'start') return send({ id, ...session[value.kind](value.host) });
    const started = await session.start();
    if (!started.ok) return send({ id, ...started });
    send({ id, ...success(started.value.started) });
    send({ event: HOST_EXITED, ...(await started.value.gone) });
  }

  send({ id: ID_NONE, ...success(true) });
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      for (const message of reader.read(chunk)) {
        if (message.ok) void answer(message.value);
        else {
          const code = message.code === 'frame-too-large' ? message.code : 'request-unknown';
          return send({ id: ID_NONE, ...failure(code, message.message) });
        }
      }
    }
  } catch {
    // It went away in the middle of a sentence.
  } finally {
    session.end();
    socket.destroySoon();
  }
}

function encode(message: object): Uint8Array {
  const frame = encodeFrame(message, LAUNCH_BOUNDS.messageBytesMax);
  if (!frame.ok) throw new Error(frame.message);
  return frame.value;
}
