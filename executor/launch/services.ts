import { createConnection } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { failure, success, type Failure, type Result } from '../result.ts';
import { removeStaleSocket } from '../wire/unix-socket.ts';
import type { ServiceConfig } from './config.ts';
import { keepAlive, type KeptAlive, type SupervisorClock } from './keep-alive.ts';
import { LAUNCH_BOUNDS } from './limits.ts';
import { checkRootOwned } from './root-owned.ts';
import { startService } from './service-process.ts';

const POLL_MS = 10;

/** Sources beside sources, compiled files beside compiled ones. */
const extension = extname(import.meta.filename);
const MAINS = {
  executor: join(import.meta.dirname, `../main${extension}`),
  sensor: join(import.meta.dirname, `../../runtime/telemetry/sensor-main${extension}`),
} as const;

export interface ServicesOptions {
  /** The runtime's group, whose members may open the sockets. */
  readonly gid: number;
  /** The Node they run on. */
  readonly node: string;
  readonly clock: SupervisorClock;
  readonly warn: (problem: Failure) => void;
}

export interface Services {
  /** Ends them all; resolves when they are gone, and their sockets. */
  end(): Promise<void>;
}

/** Starts executor and sensors, and keeps them alive from when every one has answered. Else none is left. */
export async function startServices(
  configs: readonly ServiceConfig[],
  options: ServicesOptions,
): Promise<Result<Services>> {
  for (const config of configs) {
    const usable = await checkFiles(config);
    if (!usable.ok) return usable;
  }
  const all = configs.map((config) => ({ config, kept: keepServiceAlive(config, options) }));
  const end = async (): Promise<void> => {
    await Promise.all(all.map(({ kept }) => kept.end()));
    // What had to be killed left its socket.
    await Promise.all(configs.map(({ socket }) => removeStaleSocket(socket)));
  };
  for (const { config, kept } of all) {
    const ready = await awaitReady(config, kept, options.clock);
    if (ready.ok) continue;
    await end();
    return ready;
  }
  return success({ end });
}

/** Where another user could put a link, root would write to a file of his choice; and whose limits would they be? */
async function checkFiles(config: ServiceConfig): Promise<Result<true>> {
  const paths = [dirname(config.socket)];
  if (config.kind === 'executor') paths.push(config.limits);
  if (config.kind === 'executor' && config.journal !== undefined) paths.push(dirname(config.journal));
  for (const path of paths) {
    const owned = checkRootOwned(path);
    if (!owned.ok) return owned;
  }
  return removeStaleSocket(config.socket);
}

function keepServiceAlive(config: ServiceConfig, { gid, node, clock, warn }: ServicesOptions): KeptAlive {
  const command = {
    ...{ node, main: MAINS[config.kind], arguments: argumentsOf(config) },
    ...{ gid, endMsMax: LAUNCH_BOUNDS.serviceEndMsMax },
  };
  return keepAlive({ name: nameOf(config), start: () => startService(command), clock, warn });
}

function argumentsOf(config: ServiceConfig): readonly string[] {
  if (config.kind === 'sensor') return [...config.arguments, `--socket=${config.socket}`];
  const { limits, socket, journal } = config;
  const always = [`--limits=${limits}`, `--socket=${socket}`];
  return journal === undefined ? always : [...always, `--journal=${journal}`];
}

function nameOf(config: ServiceConfig): string {
  return config.kind === 'sensor' ? `sensor ${config.name}` : 'the executor';
}

/** What answers is ours: nothing answered before, and nobody but root can put anything there. */
async function awaitReady(
  config: ServiceConfig,
  kept: KeptAlive,
  clock: SupervisorClock,
): Promise<Result<true>> {
  const deadlineMs = clock.nowMs() + LAUNCH_BOUNDS.serviceStartMsMax;
  while (clock.nowMs() < deadlineMs) {
    const refusal = kept.refusal();
    if (refusal) return refusal;
    if (await answers(config.socket)) {
      kept.trust();
      return success(true);
    }
    await clock.sleep(POLL_MS);
  }
  return failure(
    'service-failed',
    `${nameOf(config)} did not answer at ${config.socket} within ${LAUNCH_BOUNDS.serviceStartMsMax} ms; see what it says above`,
  );
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(socketPath, () => probe.destroy());
    probe.on('error', () => {}).once('close', (failed) => resolve(!failed));
  });
}
