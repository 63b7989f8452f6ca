import { closeSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import type { Launch, LaunchedHost } from '../../../../runtime/policy/launch.ts';
import { REPLY_AT, REQUEST_BYTES, STATUS } from '../../../../runtime/policy/wire.ts';

/** A process keeps what V8 reserves for each memory until it is collected, which nobody asks for here. */
const LOANS_MAX = 200;

export interface HostPool {
  readonly launch: Launch;
  /** Processes started. */
  readonly started: () => number;
  end(): Promise<void>;
}

/**
 * Hands the same host out again and again, so that 100,000 modules need not 100,000 processes. The runtime
 * never does: whoever borrows sees a host like any other, which ends when asked to. Only one whose last answer
 * was in order, or that refused the module, is lent again; every other is ended in earnest.
 */
export function createHostPool(launch: Launch): HostPool {
  let idle: LaunchedHost | undefined;
  let loans = 0;
  let started = 0;

  async function lend(): ReturnType<Launch> {
    const lent = idle;
    idle = undefined;
    if (lent !== undefined) return { ok: true, value: borrow(lent) };
    const fresh = await launch();
    if (!fresh.ok) return fresh;
    started++;
    loans = 0;
    void fresh.value.exited.then(() => closeSync(fresh.value.shared));
    for (const stream of [fresh.value.requests, fresh.value.replies, fresh.value.diagnostics])
      stream.on('error', () => {});
    return { ok: true, value: borrow(fresh.value) };
  }

  function borrow(host: LaunchedHost): LaunchedHost {
    const [requests, replies, diagnostics] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const returned = Promise.withResolvers<string>();
    let inOrder = false;
    requests.on('data', (bytes: Uint8Array) => {
      if (bytes.length >= REQUEST_BYTES) inOrder = false;
      host.requests.write(bytes);
    });
    const forward = (bytes: Buffer): void => {
      const status = bytes.length > REPLY_AT.status + 4 ? bytes.readUInt32LE(REPLY_AT.status) : -1;
      inOrder ||= status === STATUS.ok || status === STATUS.invalid;
      replies.write(bytes);
    };
    const complain = (bytes: Buffer): void => void diagnostics.write(bytes);
    host.replies.on('data', forward);
    host.diagnostics.on('data', complain);
    void host.exited.then(returned.resolve);
    const kill = (): void => {
      host.replies.off('data', forward);
      host.diagnostics.off('data', complain);
      if (!inOrder || ++loans >= LOANS_MAX) return host.kill();
      idle = host;
      returned.resolve('was handed back');
    };
    const shared = openSync(`/proc/self/fd/${host.shared}`, 'r+');
    return { ...host, requests, replies, diagnostics, shared, kill, exited: returned.promise };
  }

  return {
    launch: lend,
    started: () => started,
    async end() {
      idle?.kill();
      await idle?.exited;
    },
  };
}
