import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createProgram } from '../../../runtime/cli/main.ts';
import { serveControl, type ControlServer } from '../../../runtime/control/server.ts';
import { createRecorder, someScope, someStatus, type Recorder } from '../control/some-status.ts';
import { captureTerminal, type CapturedTerminal } from './some-terminal.ts';

export interface ServedDaemon {
  readonly socketPath: string;
  /** A new one, which serves `batch` until it is told otherwise. */
  renew(): Promise<Recorder>;
  /** Serves the latest one, again after `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Runs a verb in this process. */
  run(args: readonly string[], terminal?: CapturedTerminal): Promise<CapturedTerminal>;
  remove(): void;
}

/** What stands for a daemon, behind a real socket in a folder of its own. */
export function createServedDaemon(): ServedDaemon {
  const root = mkdtempSync(path.join(tmpdir(), 'terrace-verbs-'));
  const socketPath = path.join(root, 'control/terrace.sock');
  let daemon = createRecorder(someStatus());
  let server: ControlServer | undefined;

  async function start(): Promise<void> {
    const served = await serveControl({ socketPath, operator: daemon });
    if (!served.ok) throw new Error(served.message);
    server = served.value;
  }

  return {
    socketPath,
    start,
    async renew() {
      daemon = createRecorder(someStatus(someScope('batch')));
      await start();
      return daemon;
    },
    async stop() {
      await server?.close();
      server = undefined;
    },
    async run(args, terminal = captureTerminal()) {
      const whole = [...args, '--control', socketPath];
      await createProgram(terminal).parseAsync(whole, { from: 'user' });
      return terminal;
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}
