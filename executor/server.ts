import type { Executor } from './executor.ts';
import { serveFrames, type FrameServer } from './wire/frame-server.ts';
import type { ServeFault } from './wire/unix-socket.ts';
import { readRequest } from './messages.ts';
import type { Result } from './result.ts';

export interface ServerOptions {
  readonly executor: Executor;
  readonly socketPath: string;
  readonly connectionsMax?: number;
}

/**
 * An executor on a unix socket. One request at a time for the whole machine: what a plan finds free must not
 * be given away by another while it runs.
 */
export function serveExecutor({
  executor,
  ...options
}: ServerOptions): Promise<Result<FrameServer, ServeFault>> {
  return serveFrames({
    ...options,
    async answer(message) {
      const request = readRequest(message);
      if (!request.ok) return request;
      if (request.value.kind === 'budgets') return executor.budgets(request.value.scope);
      return executor[request.value.kind](request.value.plan);
    },
  });
}
