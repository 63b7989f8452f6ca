import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import type { Executor } from './executor.ts';
import { ID_NONE, readRequest, readRequestId, type Reply, type Request } from './messages.ts';
import type { Budgets, Outcome, PlanFault } from './plan.ts';
import { failure, success, type Result } from './result.ts';
import { createFrameReader, encodeFrame } from './wire.ts';

/** Connections beyond are closed at once. */
export const CONNECTIONS_MAX = 16;

/** Time a client has to take its last reply when the executor closes. */
export const CLOSE_MS_MAX = 2_000;

export interface ServerOptions {
  readonly executor: Executor;
  readonly socketPath: string;
  readonly connectionsMax?: number;
}

export interface ExecutorServer {
  /** Stops listening, ends connections after the request under way, and removes the socket. */
  close(): Promise<void>;
}

export type ServeFault = 'socket-in-use' | 'socket-unusable';

/**
 * Answers requests on a unix socket, for owner and group of the socket only. One request at a time for the
 * whole machine: what a plan finds free must not be given away by another while it runs.
 */
export async function serveExecutor(options: ServerOptions): Promise<Result<ExecutorServer, ServeFault>> {
  const { executor, socketPath, connectionsMax = CONNECTIONS_MAX } = options;
  const cleared = await removeStaleSocket(socketPath);
  if (!cleared.ok) return cleared;
  const sockets = new Set<Socket>();
  const answering = new Set<Promise<void>>();
  let turn: Promise<unknown> = Promise.resolve();

  function answerInTurn(request: Request): Promise<Result<Budgets | Outcome, PlanFault>> {
    const answer = turn.then(() => answerRequest(executor, request));
    // An exception is a bug of the executor: die visibly, with the journal open at the plan it happened in.
    turn = answer.catch((bug: unknown) =>
      process.nextTick(() => {
        throw bug;
      }),
    );
    return answer;
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    const served = converse(socket, answerInTurn).finally(() => {
      sockets.delete(socket);
      answering.delete(served);
    });
    answering.add(served);
  });
  server.maxConnections = connectionsMax;

  const listening = await listen(server, socketPath);
  if (!listening.ok) return listening;
  return success({
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await turn;
      for (const socket of sockets) socket.destroySoon();
      // A client that does not read its reply must not keep the executor from closing.
      const force = setTimeout(() => sockets.forEach((socket) => socket.destroy()), CLOSE_MS_MAX);
      await Promise.all([closed, ...answering]);
      clearTimeout(force);
    },
  });
}

/** Reading pauses while a request is answered, so a client cannot pile requests up here. */
async function converse(
  socket: Socket,
  answer: (request: Request) => Promise<Result<Budgets | Outcome, PlanFault>>,
): Promise<void> {
  const reader = createFrameReader();
  try {
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      for (const message of reader.read(chunk)) {
        if (!message.ok) {
          const code = message.code === 'frame-too-large' ? message.code : 'request-unknown';
          await send(socket, { id: ID_NONE, ok: false, code, message: message.message });
          return;
        }
        const request = readRequest(message.value);
        const result = request.ok ? await answer(request.value) : request;
        await send(socket, { id: readRequestId(message.value), ...result });
      }
    }
  } catch {
    // The client went away; what it asked for is journalled by the executor itself.
  } finally {
    socket.destroySoon();
  }
}

async function answerRequest(
  executor: Executor,
  request: Request,
): Promise<Result<Budgets | Outcome, PlanFault>> {
  if (request.kind === 'budgets') return executor.budgets(request.scope);
  return request.kind === 'check' ? executor.check(request.plan) : executor.submit(request.plan);
}

function send(socket: Socket, reply: Reply): Promise<void> {
  const frame = encodeFrame(reply);
  const whole = frame.ok
    ? frame
    : encodeFrame({ id: reply.id, ok: false, code: 'frame-too-large', message: frame.message });
  return new Promise((resolve, reject) => {
    if (whole.ok) socket.write(whole.value, (error) => (error ? reject(error) : resolve()));
    else reject(new Error(whole.message));
  });
}

/** A socket that nobody answers on was left by an executor that died; anything else is left alone. */
async function removeStaleSocket(path: string): Promise<Result<true, ServeFault>> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return success(true);
  if (!found.isSocket())
    return failure('socket-unusable', `${path} exists and is no socket; choose another path`);
  const alive = await new Promise((resolve) => {
    const probe = createConnection(path);
    probe.on('connect', () => resolve(true));
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
    probe.end();
  });
  if (alive)
    return failure('socket-in-use', `an executor already listens at ${path}; stop it or choose another path`);
  unlinkSync(path);
  return success(true);
}

function listen(server: ReturnType<typeof createServer>, path: string): Promise<Result<true, ServeFault>> {
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve(failure('socket-unusable', `cannot listen at ${path}: ${error.message}`)),
    );
    server.listen(path, () => {
      server.removeAllListeners('error');
      chmodSync(path, 0o660);
      resolve(success(true));
    });
  });
}
