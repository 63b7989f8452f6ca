import { failure, success } from '../../executor/result.ts';
import type { Failure, Result } from '../../executor/result.ts';
import { COLUMNS } from '../contract.ts';
import type { Manifest, Settings } from '../contract.ts';
import { startHostProcess } from './host-process.ts';
import type { HostFault, HostProcess, Timer } from './host-process.ts';
import type { Launch } from './launch.ts';
import type { LoadFault, LogLine } from './policy.ts';
import type { AdmittedPolicy } from './parse/read-policy.ts';
import type { Reply } from './reply.ts';
import { encodeSettings } from './settings-payload.ts';
import { writeShared } from './shared-file.ts';
import { REQUEST, REQUEST_AT, STATUS } from './wire.ts';

export interface HostLimits {
  /** Pages of 64 KiB that the policy's memory may grow to. */
  readonly memoryPagesMax: number;
  readonly loadDeadlineMs: number;
  readonly epochDeadlineMs: number;
  /** Fuel for an epoch, and besides for each of its regions; docs/fuel.md says what a unit is. */
  readonly fuelPerEpoch: number;
  readonly fuelPerRegion: number;
  /** Fuel to load, to configure, to save and to restore, for each of them. */
  readonly fuelPerCall: number;
}

export interface HostMeans {
  readonly limits: HostLimits;
  readonly launch: Launch;
  readonly timer: Timer;
}

/** A host with the policy loaded and configured. */
export interface RunningHost extends HostProcess {
  /** What the policy logged until now. */
  readonly startLog: readonly LogLine[];
}

type StartFault = Extract<
  LoadFault,
  | 'host-failed'
  | 'policy-trapped'
  | 'policy-overran'
  | 'policy-out-of-fuel'
  | 'module-invalid'
  | 'settings-refused'
>;

/** Starts a host and makes the policy ready in it. */
export async function startHost(
  policy: AdmittedPolicy,
  settings: Settings,
  { limits, launch, timer }: HostMeans,
): Promise<Result<RunningHost, StartFault>> {
  const started = await startHostProcess(launch, timer);
  if (!started.ok) return started;
  const host = started.value;
  const ready = await prepare(host, policy, settings, limits);
  if (ready.ok) return success({ ...host, startLog: ready.value });
  await host.end();
  return ready;
}

async function prepare(
  host: HostProcess,
  { core, manifest }: AdmittedPolicy,
  settings: Settings,
  { memoryPagesMax, loadDeadlineMs, fuelPerCall }: HostLimits,
): Promise<Result<LogLine[], StartFault>> {
  const loaded = await host.ask(REQUEST.load, loadDeadlineMs, (request) => {
    giveFuel(request, fuelPerCall);
    writeShared(host.shared, core, 0);
    request.setUint32(REQUEST_AT.coreBytes, core.length, true);
    request.setUint32(REQUEST_AT.memoryPagesMax, memoryPagesMax, true);
    request.setUint32(REQUEST_AT.columnMask, columnMask(manifest), true);
    request.setUint32(REQUEST_AT.stateBytesMax, manifest.stateBytesMax, true);
  });
  const module = judgeStart(loaded);
  if (!module.ok) return module;
  const configured = await host.ask(REQUEST.configure, loadDeadlineMs, (request) => {
    giveFuel(request, fuelPerCall);
    const payload = encodeSettings(manifest.settings, settings);
    writeShared(host.shared, payload, 0);
    request.setUint32(REQUEST_AT.payloadBytes, payload.length, true);
    request.setUint32(REQUEST_AT.settings, manifest.settings.length, true);
  });
  const ready = judgeStart(configured);
  return ready.ok ? success([...module.value.log, ...ready.value.log]) : ready;
}

function columnMask({ columns }: Manifest): number {
  return columns.reduce((mask, name) => mask | (1 << COLUMNS[name].id), 0);
}

function judgeStart(reply: Result<Reply, HostFault>): Result<Reply, StartFault> {
  if (!reply.ok)
    return reply.code === 'plan-unreadable'
      ? failure('host-failed', reply.message)
      : (reply as Failure<StartFault>);
  const { status, fault } = reply.value;
  if (status === STATUS.ok) return reply;
  if (status === STATUS.invalid)
    return failure('module-invalid', `V8 refuses the policy's core module: ${fault}`);
  if (status === STATUS.refused)
    return failure('settings-refused', `the policy refuses these settings: ${fault}`);
  if (status === STATUS.exhausted) return describeExhaustion(reply.value, 'fuelPerCall');
  return describeTrap(reply.value);
}

/** Units are whole numbers that both ends can count. */
export function giveFuel(request: DataView, units: number): void {
  const counted = Math.min(Math.floor(units), Number.MAX_SAFE_INTEGER);
  request.setFloat64(REQUEST_AT.fuel, counted, true);
}

/** `settings`: those that would have given it more. */
export function describeExhaustion({ fuel }: Reply, settings: string): Failure<'policy-out-of-fuel'> {
  return failure(
    'policy-out-of-fuel',
    `the policy burnt all of its fuel, ${fuel} units: raise ${settings} if it should have more`,
  );
}

/** What the policy trapped on, and the message it logged when it aborted. */
export function describeTrap({ fault, log }: Reply): Failure<'policy-trapped'> {
  const abort = log.findLast(({ level }) => level === LEVEL_ABORT);
  return failure(
    'policy-trapped',
    `the policy trapped: ${fault}${abort === undefined ? '' : ` (${abort.message})`}`,
  );
}

const LEVEL_ABORT = 4;
