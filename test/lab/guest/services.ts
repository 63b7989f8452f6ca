import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectExecutor } from '../../../executor/client.ts';
import type { Executor } from '../../../executor/executor.ts';

const POLL_MS = 20;
const START_MS_MAX = 30_000;

/** Starts a daemon of the project as a process of its own and waits for its socket. */
export async function startService(main: string, args: readonly string[], socket: string): Promise<void> {
  const child = spawn(process.execPath, [main, ...args, '--socket', socket], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const started = performance.now();
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`${main} ended with ${child.exitCode}`);
    if (performance.now() - started > START_MS_MAX) throw new Error(`${main} opened no socket`);
    await sleep(POLL_MS);
  }
}

/** The executor process under the scenario's limits, and our connection to it. */
export async function startExecutor(limits: unknown): Promise<Executor> {
  const socket = '/run/executor.sock';
  writeFileSync('/run/limits.json', JSON.stringify(limits), { mode: 0o600 });
  await startService(
    'executor/main.ts',
    ['--limits', '/run/limits.json', '--journal', '/run/journal.jsonl'],
    socket,
  );
  const executor = await connectExecutor(socket);
  if (!executor.ok) throw new Error(`${executor.code}: ${executor.message}`);
  return executor.value;
}
