import { createConnection, type Socket } from 'node:net';
import type { Executor } from './executor.ts';
import { readBudgets, readOutcome, readReply, type Question } from './messages.ts';
import type { BoundPlan, Outcome, PlanFault } from './plan.ts';
import { failure, success, type Result } from './result.ts';
import { createFrameReader, encodeFrame } from './wire.ts';

/** An executor answers within its call budget; one that is silent for this long is taken for dead. */
export const REPLY_MS_MAX = 120_000;

/**
 * An executor process behind its socket. Requests go one after the other. When the connection breaks, the
 * request under way fails with `executor-unreachable` and is never repeated, since part of it may have been
 * carried out; the next request connects again.
 */
export async function connectExecutor(socketPath: string): Promise<Result<Executor, PlanFault>> {
  const first = await connect(socketPath);
  if (!first.ok) return first;
  let connection: Connection | undefined = first.value;
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  let lastId = 0;

  async function ask(question: Question): Promise<Result<unknown, PlanFault>> {
    if (closed) return failure('executor-unreachable', 'this connection was closed; connect again');
    lastId = (lastId % 0xffff_ffff) + 1;
    const frame = encodeFrame({ ...question, id: lastId });
    if (!frame.ok) return failure('frame-too-large', frame.message);
    if (!connection?.usable) {
      const again = await connect(socketPath);
      if (!again.ok) return again;
      connection = again.value;
    }
    return connection.exchange(frame.value, lastId);
  }

  function askInTurn<T>(
    question: Question,
    read: (value: unknown) => T | undefined,
  ): Promise<Result<T, PlanFault>> {
    const answer = turn.then(async (): Promise<Result<T, PlanFault>> => {
      const reply = await ask(question);
      if (!reply.ok) return reply;
      const value = read(reply.value);
      if (value !== undefined) return success(value);
      connection?.close();
      return unintelligible(socketPath);
    });
    turn = answer;
    return answer;
  }

  function askAboutPlan(kind: 'check' | 'submit', plan: BoundPlan): Promise<Result<Outcome, PlanFault>> {
    return askInTurn({ kind, plan }, (value) => readOutcome(value, plan.target.length));
  }

  return success({
    budgets: (scope) => askInTurn({ kind: 'budgets', scope }, readBudgets),
    check: (plan) => askAboutPlan('check', plan),
    submit: (plan) => askAboutPlan('submit', plan),
    async close() {
      closed = true;
      connection?.close();
      await turn;
    },
  });
}

interface Connection {
  readonly usable: boolean;
  /** Sends one frame and waits for the reply to it. One exchange at a time. */
  exchange(frame: Uint8Array, id: number): Promise<Result<unknown, PlanFault>>;
  close(): void;
}

function connect(socketPath: string): Promise<Result<Connection, PlanFault>> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(success(createConnectionOver(socket, socketPath)));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const code =
        error.code === 'EACCES' || error.code === 'EPERM' ? 'permission-missing' : 'executor-unreachable';
      resolve(
        failure(
          code,
          `no executor at ${socketPath} (${error.code}); start it: node executor/main.ts --limits FILE --socket PATH`,
        ),
      );
    });
  });
}

function createConnectionOver(socket: Socket, socketPath: string): Connection {
  const reader = createFrameReader();
  let waiting: { id: number; settle: (reply: Result<unknown, PlanFault>) => void } | undefined;

  function settle(reply: Result<unknown, PlanFault>): void {
    waiting?.settle(reply);
    waiting = undefined;
    socket.setTimeout(0);
  }

  socket.on('data', (chunk: Buffer) => {
    for (const message of reader.read(chunk)) {
      const reply = message.ok && waiting ? readReply(message.value, waiting.id) : undefined;
      if (reply) settle(reply);
      else {
        socket.destroy();
        settle(unintelligible(socketPath));
      }
    }
  });
  // 'close' follows an error and tells the same.
  socket.on('error', () => {});
  socket.on('close', () =>
    settle(
      failure(
        'executor-unreachable',
        `the executor at ${socketPath} hung up; see its log, then start it again`,
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

function unintelligible(socketPath: string): Result<never, PlanFault> {
  return failure(
    'executor-unreachable',
    `what listens at ${socketPath} does not answer as an executor of this version`,
  );
}
