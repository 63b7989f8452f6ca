import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { prepareCgroups } from './launch/cgroup.ts';
import { parseConfig, type LaunchConfig } from './launch/config.ts';
import { prepareFolder, removeStaleFiles } from './launch/folder.ts';
import { createHosts } from './launch/hosts.ts';
import { LAUNCH_BOUNDS } from './launch/limits.ts';
import { checkRootOwned } from './launch/root-owned.ts';
import { serveLauncher } from './launch/server.ts';
import { startServices } from './launch/services.ts';
import { checkUsersFree } from './launch/users.ts';
import { oneLine } from './one-line.ts';
import { readText } from './procfs/read-file.ts';
import { failure, success, type Failure, type Result } from './result.ts';
import { endWhenTold } from './wire/lifeline.ts';
import { removeStaleSocket } from './wire/unix-socket.ts';

const usage = 'node executor/launch.ts --config FILE';
const exitMisuse = 2;
const clock = {
  nowMs: () => performance.now(),
  sleep: (ms: number, signal?: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {}),
};

const started = await start();
if (!started.ok) {
  warn(started);
  process.exitCode = exitMisuse;
}

async function start(): Promise<Result<true>> {
  if (process.geteuid?.() !== 0)
    return failure('permission-missing', 'only root may give hosts users of their own; start it as root');
  // What anyone but the owner gets is said file by file.
  process.umask(0o077);
  const config = readConfig();
  if (!config.ok) return config;
  const { folder, cgroup } = config.value;
  const prepared = prepareFolder(config.value);
  if (!prepared.ok) return prepared;
  const socketPath = join(folder, LAUNCH_BOUNDS.socketName);
  // Only where no launcher lives is what lies about stale.
  const cleared = await removeStaleSocket(socketPath);
  if (!cleared.ok) return cleared;
  removeStaleFiles(folder);
  if (cgroup) {
    const usable = await prepareCgroups(cgroup);
    if (!usable.ok) return usable;
  }
  const free = checkUsersFree(config.value.hosts);
  if (!free.ok) return free;
  return serve(config.value, socketPath);
}

/** What the runtime needs of the others stands before it can ask for a host. */
async function serve(config: LaunchConfig, socketPath: string): Promise<Result<true>> {
  const { runtime } = config;
  const supervisor = { gid: runtime.gid, node: process.execPath, clock, warn };
  const services = await startServices(config.services, supervisor);
  if (!services.ok) return services;
  const server = await serveLauncher({ socketPath, runtime, hosts: createHosts(config, warn) });
  if (!server.ok) {
    await services.value.end();
    return server;
  }
  const end = async () => {
    await server.value.close();
    await services.value.end();
  };
  endWhenTold(end, process);
  process.stderr.write(`terrace-launcher: ready at ${socketPath}\n`);
  return success(true);
}

function readConfig(): Result<LaunchConfig> {
  const path = readArguments();
  if (!path.ok) return path;
  const owned = checkRootOwned(path.value);
  if (!owned.ok) return owned;
  const text = readText(owned.value, LAUNCH_BOUNDS.configBytesMax);
  if (!text.ok) return text;
  let json: unknown;
  try {
    json = JSON.parse(text.value);
  } catch (error) {
    return failure('config-malformed', `${path.value}: ${oneLine((error as Error).message)}`);
  }
  const config = parseConfig(json, process.execPath);
  return config.ok ? config : failure(config.code, `${path.value}: ${config.message}`);
}

function readArguments(): Result<string> {
  try {
    const { values } = parseArgs({ options: { config: { type: 'string' } } });
    if (values.config === undefined) return failure('arguments-missing', usage);
    return { ok: true, value: values.config };
  } catch (error) {
    return failure('arguments-unknown', `${(error as Error).message.split('.')[0]}; ${usage}`);
  }
}

function warn({ code, message }: Failure): void {
  process.stderr.write(`terrace-launcher: ${code}: ${message}\n`);
}
