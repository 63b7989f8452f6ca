import type { ConfinementReport } from '../../executor/confinement.ts';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import type { Plan, Settings, Snapshot } from '../contract.ts';
import { layOutEpoch } from './epoch-request.ts';
import type { EpochInput, InputSink } from './epoch-request.ts';
import { hashInput } from './input-hash.ts';
import { fillMeans } from './host-means.ts';
import type { MeansOptions } from './host-means.ts';
import type { HostFault } from './host-process.ts';
import { readPlan } from './plan.ts';
import type { EpochFault, Evaluated, LoadFault, LogLine, Run, StatefulPolicy } from './policy.ts';
import { recordHost } from './recording/record-host.ts';
import type { Recording } from './recording/record-host.ts';
import { readPolicy, readPolicyFile } from './parse/read-policy.ts';
import type { AdmittedPolicy } from './parse/read-policy.ts';
import type { Reply } from './reply.ts';
import { describeExhaustion, describeTrap, giveFuel, startHost } from './running-host.ts';
import type { HostLimits, HostMeans, RunningHost } from './running-host.ts';
import { resolveSettings } from './settings.ts';
import { writeShared } from './shared-file.ts';
import { REQUEST, REQUEST_AT, STATUS, encodeTick } from './wire.ts';

export interface LoadOptions extends MeansOptions {
  /** The component: a path, its bytes, or what was read of it. */
  readonly policy: string | Uint8Array | AdmittedPolicy;
  readonly settings?: Settings;
  /** Where and how far back everything the policy is asked is recorded; nothing is, if absent. */
  readonly recording?: Recording;
}

/** A policy in a host of its own. It outlives its hosts: whatever ends one, the next stands ready soon after. */
export interface HostedPolicy extends StatefulPolicy {
  /** What holds its first host; the next ones are launched alike. */
  readonly confinement: ConfinementReport;
}

/** Reads a policy, judges it, starts a host for it and configures it there. */
export async function loadPolicy(options: LoadOptions): Promise<Result<HostedPolicy, LoadFault>> {
  const means = fillMeans(options);
  const admitted = admit(options.policy, means.limits.memoryPagesMax);
  if (!admitted.ok) return admitted;
  const settings = resolveSettings(admitted.value.manifest.settings, options.settings ?? {});
  if (!settings.ok) return settings;
  const start = (): ReturnType<typeof startHost> =>
    startRecorded(admitted.value, settings.value, means, options.recording);
  const host = await start();
  return host.ok
    ? success(hostPolicy(admitted.value, settings.value, means.limits, host.value, start))
    : host;
}

function admit(policy: LoadOptions['policy'], memoryPagesMax: number): Result<AdmittedPolicy, LoadFault> {
  if (policy instanceof Uint8Array) return readPolicy(policy, memoryPagesMax);
  if (typeof policy === 'string') {
    const bytes = readPolicyFile(policy);
    return bytes.ok ? readPolicy(bytes.value, memoryPagesMax) : bytes;
  }
  // It may have been admitted where more memory was allowed.
  const fits = policy.outline.memory.minimum <= memoryPagesMax;
  return fits ? success(policy) : readPolicy(policy.component, memoryPagesMax);
}

/** Starts a host, which has the policy loaded and configured, and records it if that is wished. */
async function startRecorded(
  policy: AdmittedPolicy,
  settings: Settings,
  means: HostMeans,
  recording: Recording | undefined,
): ReturnType<typeof startHost> {
  const host = await startHost(policy, settings, means);
  if (!host.ok || recording === undefined) return host;
  const { manifest, digest, component } = policy;
  const { name, version } = manifest;
  const { memoryPagesMax } = means.limits;
  const start = { name, version, digest, settings, memoryPagesMax, node: process.version };
  return success(recordHost(host.value, recording, start, component, means));
}

type Started = Result<RunningHost, string>;

function hostPolicy(
  policy: AdmittedPolicy,
  settings: Settings,
  limits: HostLimits,
  first: RunningHost,
  restart: () => ReturnType<typeof startHost>,
): HostedPolicy {
  const { manifest, digest } = policy;
  const { epochDeadlineMs, fuelPerEpoch, fuelPerRegion, fuelPerCall } = limits;
  let host: Promise<Started> = Promise.resolve(success(first));
  let unread: readonly LogLine[] = first.startLog;
  let busy = false;
  let closed = false;

  async function start(): Promise<Started> {
    if (closed) return failure('host-failed', 'the policy is closed');
    const started = await restart();
    if (started.ok) unread = started.value.startLog;
    return started;
  }

  /** Asks the host in charge. Every fault ends it, and the next one starts while the caller goes on. */
  async function ask<T>(
    call: (running: RunningHost) => Promise<Result<T, EpochFault>>,
  ): Promise<Result<T, EpochFault>> {
    if (busy) throw new Error('a policy was called before it had answered');
    if (closed) return failure('host-failed', 'the policy is closed');
    busy = true;
    try {
      const running = await host;
      if (!running.ok) {
        host = start();
        return failure('host-failed', `no fresh host could be started: ${running.message}`);
      }
      const answer = await call(running.value);
      if (answer.ok) return answer;
      host = running.value.end().then(start);
      return failure(answer.code, `${answer.message}; a fresh host takes over, without the policy's state`);
    } finally {
      busy = false;
    }
  }

  async function evaluate(snapshot: Snapshot, handedOver = (): void => {}): Promise<Evaluated> {
    let run: Run = { inputHash: '', fuel: 0, log: [], logDropped: 0 };
    const plan = await ask(async (running): Promise<Result<Plan, EpochFault>> => {
      const sink: InputSink = (values, position) => writeShared(running.shared, values, position);
      let request: DataView<ArrayBuffer>;
      let input: EpochInput;
      const asked = running.ask(
        REQUEST.epoch,
        epochDeadlineMs,
        (header) => {
          request = header;
          giveFuel(request, fuelPerEpoch + fuelPerRegion * snapshot.regions);
          input = layOutEpoch(request, snapshot, manifest.columns);
          input.writeLists(sink);
        },
        (send) => {
          for (let chunk = 0; chunk < input.chunks; chunk++) {
            input.writeChunk(sink, chunk);
            send(encodeTick(chunk));
          }
          // The host is at work by now, on another processor: the hash costs the epoch nothing.
          run = { ...run, inputHash: hashInput(request, input) };
        },
      );
      handedOver();
      const reply = await asked;
      if (reply.ok) {
        const { fuel, log, logDropped } = reply.value;
        run = { ...run, fuel, log: [...unread, ...log], logDropped };
        unread = [];
      }
      const judged = judge(reply, 'fuelPerEpoch or fuelPerRegion');
      return judged.ok ? readPlan(judged.value, snapshot.places.length) : judged;
    });
    handedOver();
    return plan.ok ? success({ ...run, plan: plan.value }) : { ...plan, run };
  }

  async function restore(
    running: RunningHost,
    version: number,
    state: Uint8Array,
  ): Promise<Result<string | undefined, EpochFault>> {
    const reply = await running.ask(REQUEST.restore, epochDeadlineMs, (request) => {
      giveFuel(request, fuelPerCall);
      writeShared(running.shared, state, 0);
      request.setUint32(REQUEST_AT.payloadBytes, state.length, true);
      request.setFloat64(REQUEST_AT.inputBytes, state.length, true);
      request.setUint32(REQUEST_AT.stateVersion, version, true);
    });
    if (reply.ok && reply.value.status === STATUS.refused) return success(reply.value.fault);
    const restored = judge(reply, 'fuelPerCall');
    return restored.ok ? success(undefined) : restored;
  }

  return {
    manifest,
    digest,
    settings,
    confinement: first.confinement,
    evaluate,
    save: () =>
      ask(async (running) => {
        const reply = await running.ask(REQUEST.save, epochDeadlineMs, (request) =>
          giveFuel(request, fuelPerCall),
        );
        const saved = judge(reply, 'fuelPerCall');
        return saved.ok ? readState(saved.value, manifest.stateBytesMax) : saved;
      }),
    async restore(version, state) {
      const refusal = await ask((running) => restore(running, version, state));
      if (!refusal.ok) return refusal;
      if (refusal.value === undefined) return success(undefined);
      return failure(
        'restore-refused',
        `the policy does not take this state and starts cold: ${refusal.value}`,
      );
    },
    async ready() {
      await host;
    },
    async close() {
      closed = true;
      const running = await host;
      if (running.ok) await running.value.end();
    },
  };
}

/** What a sound host does not even send. */
function readState({ lengths, section }: Reply, bytesMax: number): Result<Uint8Array, EpochFault> {
  if (lengths.state <= bytesMax) return success(section('state'));
  return failure(
    'plan-unreadable',
    `the policy host answered ${lengths.state} bytes of state, ${bytesMax} are allowed`,
  );
}

/** `fuelSettings`: those that gave the policy its fuel. */
function judge(reply: Result<Reply, HostFault>, fuelSettings: string): Result<Reply, EpochFault> {
  if (!reply.ok || reply.value.status === STATUS.ok) return reply;
  const { status, fault } = reply.value;
  if (status === STATUS.trapped) return describeTrap(reply.value);
  if (status === STATUS.exhausted) return describeExhaustion(reply.value, fuelSettings);
  return failure('plan-unreadable', `the policy answered something that cannot be: ${fault}`);
}
