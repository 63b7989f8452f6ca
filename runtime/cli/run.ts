import process from 'node:process';
import type { Command } from 'commander';
import { connectExecutor } from '../../executor/client.ts';
import { success, type Failure, type Result } from '../../executor/result.ts';
import { checkConfig, type CheckedConfig } from '../config/check.ts';
import type { Config } from '../config/config.ts';

import { serveControl } from '../control/server.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { reachExecutor, reachSource } from '../daemon/reach.ts';
import { watch } from '../daemon/watch.ts';
import { settleMs } from '../limits.ts';
import { packageVersion } from '../package-root.ts';
import { buildInChild } from '../policy/build-in-child.ts';
import { systemTimer } from '../policy/host-process.ts';
import { connectLauncher, type Launcher } from '../policy/launch-client.ts';
import { openShelf, type Shelf } from '../policy/shelf.ts';
import { connectSensor } from '../telemetry/sensor-client.ts';
import type { Terminal } from './terminal.ts';

/** `terrace run`: the daemon. Connects to executor, sensors and launcher, and starts none of them. */
export function addRunVerb(program: Command, terminal: Terminal): void {
  program
    .command('run')
    .description('run the daemon until it is interrupted; SIGHUP reads its configuration again')
    .requiredOption('--config <file>', 'the configuration file (docs/configuration.md)')
    .action(async ({ config }: { readonly config: string }) => {
      for (const fault of await run(config, terminal)) terminal.fail(fault);
    });
}

/** Nothing, or why it did not start. */
async function run(file: string, terminal: Terminal): Promise<readonly Failure[]> {
  // Here, so that no other verb waits for the parsers to be loaded.
  const { readConfig } = await import('../config/read-config.ts');
  const config = readConfig(file);
  if (!config.ok) return config.faults;
  const shelf = shelfOf(config.value);
  const checked = await checkConfig(config.value, shelf);
  if (!checked.ok) return checked.faults;
  const { launcher: socket } = config.value;
  const launcher = socket === undefined ? success(undefined) : await connectLauncher(socket);
  if (!launcher.ok) return [launcher];
  const failed = await serve(checked.value, shelf, launcher.value, terminal);
  launcher.value?.close();
  return failed ? [failed] : [];
}

function shelfOf({ policies }: Config): Shelf {
  return openShelf({ build: buildInChild, ...(policies !== undefined && { folder: policies }) });
}

/** Until it is interrupted. */
async function serve(
  checked: CheckedConfig,
  shelf: Shelf,
  launcher: Launcher | undefined,
  terminal: Terminal,
): Promise<Failure | undefined> {
  const { config } = checked;
  const tell = (line: string): void => terminal.err(`terrace: ${line}\n`);
  const executor = reachExecutor(() => connectExecutor(config.executor));
  const interrupted = terminal.interrupted();
  const { startDaemon } = await import('../daemon/daemon.ts');
  const daemon = await startDaemon(checked, {
    clock: { nowMs: terminal.nowMs, steadyMs: () => performance.now(), sleep: terminal.sleep },
    ...{ executor, shelf, tell, root: '/', version: packageVersion, pid: process.pid },
    openSensor: (socketPath) => reachSource(() => connectSensor(socketPath)),
    ...(launcher && { launch: launcher.launch }),
  });
  if (!daemon.ok) return daemon;
  const opened = await open(config, daemon.value, terminal, tell);
  if (opened.ok) {
    tell(`ready: ${checked.scopes.length} scopes of ${config.file}, control at ${config.control}`);
    await aborted(interrupted);
    await opened.value();
  }
  await daemon.value.close();
  await executor.close();
  return opened.ok ? undefined : opened;
}

/** Whatever makes the daemon do something else than it did; answers what ends that. */
async function open(
  { file, control, policies }: Config,
  daemon: Daemon,
  terminal: Terminal,
  tell: (line: string) => void,
): Promise<Result<() => Promise<void>>> {
  async function reload(): Promise<void> {
    const done = await daemon.reload();
    tell(done.ok ? done.value : `${done.code}: ${done.message}`);
  }

  const onChange = (): void => void reload();
  const folders = policies === undefined ? [] : [policies];
  const watching = watch({ files: [file], folders, timer: systemTimer, settleMs, onChange });
  if (!watching.ok) return watching;
  const server = await serveControl({ socketPath: control, operator: daemon });
  if (!server.ok) {
    watching.value();
    return server;
  }
  terminal.onHangUp(onChange);
  return success(async () => {
    watching.value();
    await server.value.close();
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
