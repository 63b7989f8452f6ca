import { closeSync } from 'node:fs';
import type { ConfinementReport } from '../../executor/confinement.ts';
import { failure, success } from '../../executor/result.ts';
import type { Failure, Result } from '../../executor/result.ts';
import { hostStderrBytesMax, hostStderrReadBytesMax } from '../limits.ts';
import type { Launch, LaunchedHost } from './launch.ts';
import { createReplyReader, plainText } from './reply.ts';
import type { Reply } from './reply.ts';
import { REQUEST_AT, REQUEST_BYTES, REQUEST_MAGIC } from './wire.ts';

/** Calls `action` once after `delayMs`, unless the function it answers was called before. */
export type Timer = (delayMs: number, action: () => void) => () => void;

export const systemTimer: Timer = (delayMs, action) => {
  const timer = setTimeout(action, delayMs);
  return () => clearTimeout(timer);
};

export type HostFault = 'host-failed' | 'plan-unreadable' | 'policy-overran';

/** One policy host. The first fault ends it: a host that failed once is never asked again. */
export interface HostProcess {
  /** Descriptor of the file that the host reads and only we write. */
  readonly shared: number;
  /** What holds it, and what does not. */
  readonly confinement: ConfinementReport;
  /**
   * Sends the request that `fill` writes and waits for its reply, for at most `deadlineMs`. One at a time.
   * `follow` goes on while the host is already at work, and may send it more.
   */
  ask(
    kind: number,
    deadlineMs: number,
    fill?: (request: DataView<ArrayBuffer>) => void,
    follow?: (send: (bytes: Uint8Array) => void) => void,
  ): Promise<Result<Reply, HostFault>>;
  /** Ends the host; resolves when it is gone and its descriptors are closed. */
  end(): Promise<void>;
}

export async function startHostProcess(
  launch: Launch,
  timer: Timer,
): Promise<Result<HostProcess, 'host-failed'>> {
  const launched = await launch();
  return launched.ok ? success(overseeHost(launched.value, timer)) : launched;
}

function overseeHost(host: LaunchedHost, timer: Timer): HostProcess {
  const reader = createReplyReader();
  const complaints = collectText(host, () =>
    finish(failure('host-failed', `the policy host complained without end${complaints()}`)),
  );
  let sequence = 0;
  let ended: Result<Reply, HostFault> | undefined;
  let settle: ((answer: Result<Reply, HostFault>) => void) | undefined;

  const gone = host.exited.then((how) => {
    finish(failure('host-failed', `the policy host ${how}${complaints()}`));
    closeSync(host.shared);
  });
  host.replies.on('data', receive);
  // A pipe that breaks is a host that ends, and `exited` says how.
  for (const stream of [host.requests, host.replies, host.diagnostics]) stream.on('error', () => {});

  function receive(bytes: Uint8Array): void {
    if (ended !== undefined) return;
    const reply =
      settle === undefined
        ? failure('plan-unreadable' as const, 'the policy host answered without being asked')
        : reader.read(bytes, sequence);
    if (!reply.ok) finish(reply);
    else if (reply.value !== undefined) answer(success(reply.value));
  }

  function finish(fault: Result<Reply, HostFault>): void {
    if (ended === undefined) host.kill();
    ended ??= fault;
    answer(ended);
  }

  function answer(result: Result<Reply, HostFault>): void {
    const waiting = settle;
    settle = undefined;
    waiting?.(result);
  }

  function prepare(kind: number): DataView<ArrayBuffer> {
    const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
    sequence = (sequence + 1) >>> 0;
    request.setUint32(REQUEST_AT.magic, REQUEST_MAGIC, true);
    request.setUint32(REQUEST_AT.sequence, sequence, true);
    request.setUint32(REQUEST_AT.kind, kind, true);
    return request;
  }

  return {
    shared: host.shared,
    confinement: host.confinement,
    ask(kind, deadlineMs, fill = () => {}, follow = () => {}) {
      if (settle !== undefined) throw new Error('the policy host was asked before it had answered');
      // One that answers without reading would fill our memory, a little with every request.
      if (host.requests.writableNeedDrain)
        finish(failure('host-failed', 'the policy host does not read what it is asked'));
      if (ended !== undefined) return Promise.resolve(ended);
      const send = (bytes: Uint8Array): void => void host.requests.write(bytes);
      return new Promise((resolve) => {
        const cancel = timer(deadlineMs, () =>
          finish(
            failure('policy-overran', `the policy did not answer within ${deadlineMs} ms and was ended`),
          ),
        );
        settle = (result) => {
          cancel();
          resolve(result);
        };
        const request = prepare(kind);
        const fault = writing(() => {
          fill(request);
          send(new Uint8Array(request.buffer));
          follow(send);
        });
        if (fault !== undefined) finish(fault);
      });
    },
    end() {
      finish(failure('host-failed', 'the policy was closed'));
      return gone;
    },
  };
}

/** A full shared file is a condition of the machine; every other exception is a bug. */
function writing(write: () => void): Failure<'host-failed'> | undefined {
  try {
    write();
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return failure(
      'host-failed',
      `nothing can be handed to the policy host (is /dev/shm full?): ${(error as Error).message}`,
    );
  }
}

/** Reads standard error to its end, and remembers the beginning. */
function collectText(host: LaunchedHost, onFlood: () => void): () => string {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let readBytes = 0;
  host.diagnostics.on('data', (chunk: Uint8Array) => {
    readBytes += chunk.length;
    if (readBytes > hostStderrReadBytesMax) onFlood();
    const kept = chunk.subarray(0, hostStderrBytesMax - bytes);
    bytes += kept.length;
    if (kept.length > 0) chunks.push(kept);
  });
  return () => (bytes === 0 ? '' : `: ${plainText(Buffer.concat(chunks)).trim()}`);
}
