import { closeSync, openSync } from 'node:fs';
import { failure, success } from '../../../executor/result.ts';
import type { Failure, Result } from '../../../executor/result.ts';
import { CHUNK_REGIONS } from '../../contract.ts';
import { fillMeans } from '../host-means.ts';
import type { LoadFault } from '../policy.ts';
import { readPolicy } from '../parse/read-policy.ts';
import { startHost } from '../running-host.ts';
import type { HostMeans, RunningHost } from '../running-host.ts';
import { resolveSettings } from '../settings.ts';
import { writeShared } from '../shared-file.ts';
import {
  GLOBAL_BYTES,
  REQUEST,
  REQUEST_AT,
  REQUEST_BYTES,
  STATUS,
  WASM_PAGE_BYTES,
  encodeTick,
} from '../wire.ts';
import { restoreInstance } from './checkpoint.ts';
import { FRAME, createFrameReader } from './frames.ts';
import type { Frame, FrameReader, RecordingFault } from './frames.ts';
import { readAnswer, readCheckpoint, readStart } from './heads.ts';
import { answerOf } from './recorder.ts';
import type { Answer, Start } from './recorder.ts';

export type ReplayFault = RecordingFault | LoadFault;

/** One request, as it was answered then and now. */
export interface ReplayedStep {
  readonly request: 'epoch' | 'save' | 'restore';
  /** Of an epoch; 0 for the others. */
  readonly epoch: number;
  /** Absent where the recording ends before an answer. */
  readonly recorded: Answer | undefined;
  readonly replayed: Answer;
  readonly isSame: boolean;
}

export interface Replay {
  readonly start: Start;
  /** Whether it begins at a checkpoint, not at the policy's load. */
  readonly fromCheckpoint: boolean;
  /** Undefined at the end. */
  step(): Promise<Result<ReplayedStep | undefined, ReplayFault>>;
  close(): Promise<void>;
}

const KINDS: Readonly<Record<number, ReplayedStep['request']>> = {
  [REQUEST.epoch]: 'epoch',
  [REQUEST.save]: 'save',
  [REQUEST.restore]: 'restore',
};

/** Opens a recording and makes its policy ready as it was, in a sandbox like the one it ran in. */
export async function openReplay(
  file: string,
  means: HostMeans = fillMeans({}),
): Promise<Result<Replay, ReplayFault>> {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    return failure('recording-unreadable', `the recording cannot be read: ${(error as Error).message}`);
  }
  const replay = await prepare(descriptor, means);
  if (!replay.ok) {
    closeSync(descriptor);
    return replay;
  }
  const { close } = replay.value;
  return success({ ...replay.value, close: () => close().then(() => closeSync(descriptor)) });
}

async function prepare(descriptor: number, means: HostMeans): Promise<Result<Replay, ReplayFault>> {
  const frames = createFrameReader(descriptor);
  const first = frames.next();
  if (!first.ok) return first;
  const start = first.value?.kind === FRAME.start ? readStart(first.value.head) : undefined;
  if (first.value === undefined || start === undefined) return damaged('it does not begin like a recording');
  const limits = { ...means.limits, memoryPagesMax: start.memoryPagesMax };
  const policy = readPolicy(first.value.payload, start.memoryPagesMax);
  if (!policy.ok) return policy;
  const { manifest, digest } = policy.value;
  if (start.digest !== digest || start.name !== manifest.name || start.version !== manifest.version)
    return damaged('its policy is another one than it says');
  const settings = resolveSettings(manifest.settings, start.settings);
  if (!settings.ok) return settings;
  const started = await startHost(policy.value, settings.value, { ...means, limits });
  if (!started.ok) return started;
  const host = started.value;
  const replay = await positionReplay(host, frames, start, limits);
  if (!replay.ok) await host.end();
  return replay;
}

/** Goes to the first request: behind the checkpoint, if there is one. */
async function positionReplay(
  host: RunningHost,
  frames: FrameReader,
  start: Start,
  limits: HostMeans['limits'],
): Promise<Result<Replay, ReplayFault>> {
  let ahead = frames.next();
  const checkpoint = ahead.ok && ahead.value?.kind === FRAME.checkpoint ? ahead.value : undefined;
  if (checkpoint !== undefined) {
    const fault = await resume(host, checkpoint, limits.loadDeadlineMs);
    if (fault !== undefined) return fault;
    ahead = frames.next();
  }

  /** The answer to the request just taken, if the recording goes on with it. */
  function takeAnswer(): Result<Answer | undefined, ReplayFault> {
    if (!ahead.ok || ahead.value?.kind !== FRAME.answer) return success(undefined);
    const answer = readAnswer(ahead.value.head);
    ahead = frames.next();
    return answer === undefined ? damaged('an answer cannot be read') : success(answer);
  }

  return success({
    start,
    fromCheckpoint: checkpoint !== undefined,
    async step() {
      if (!ahead.ok) return ahead;
      const request = ahead.value;
      if (request === undefined) return success(undefined);
      ahead = frames.next();
      const recorded = takeAnswer();
      return recorded.ok ? replayRequest(host, request, recorded.value, limits.epochDeadlineMs) : recorded;
    },
    close: () => host.end(),
  });
}

async function resume(
  host: RunningHost,
  { head, payload }: Frame,
  deadlineMs: number,
): Promise<Failure<ReplayFault> | undefined> {
  const checkpoint = readCheckpoint(head);
  const bytes = checkpoint && checkpoint.globals * GLOBAL_BYTES + checkpoint.pages.length * WASM_PAGE_BYTES;
  if (checkpoint === undefined || bytes !== payload.length) return damaged('its checkpoint cannot be read');
  const reply = await restoreInstance(host, deadlineMs, checkpoint, payload);
  if (!reply.ok) return failure('host-failed', reply.message);
  if (reply.value.status === STATUS.ok) return undefined;
  return damaged(`its checkpoint does not fit the policy: ${reply.value.fault}`);
}

async function replayRequest(
  host: RunningHost,
  { kind, payload }: Frame,
  recorded: Answer | undefined,
  deadlineMs: number,
): Promise<Result<ReplayedStep, ReplayFault>> {
  if (kind !== FRAME.request || payload.length < REQUEST_BYTES) return damaged('a request cannot be read');
  const header = new DataView(payload.buffer, payload.byteOffset, REQUEST_BYTES);
  const requestKind = header.getUint32(REQUEST_AT.kind, true);
  const request = KINDS[requestKind];
  if (request === undefined) return damaged(`a request of the unknown kind ${requestKind}`);
  const isEpoch = request === 'epoch';
  const reply = await host.ask(
    requestKind,
    deadlineMs,
    (fresh) => {
      writeShared(host.shared, payload.subarray(REQUEST_BYTES), 0);
      // The magic number, the sequence number and the kind stay the fresh ones.
      new Uint8Array(fresh.buffer).set(payload.subarray(REQUEST_AT.number, REQUEST_BYTES), REQUEST_AT.number);
    },
    (send) => {
      const chunks = isEpoch ? Math.ceil(header.getUint32(REQUEST_AT.regions, true) / CHUNK_REGIONS) : 0;
      for (let chunk = 0; chunk < chunks; chunk++) send(encodeTick(chunk));
    },
  );
  const replayed = answerOf(reply);
  return success({
    request,
    epoch: isEpoch ? header.getUint32(REQUEST_AT.number, true) : 0,
    recorded,
    replayed,
    isSame: recorded !== undefined && isSameAnswer(recorded, replayed),
  });
}

function isSameAnswer(a: Answer, b: Answer): boolean {
  return a.status === b.status && a.fuel === b.fuel && a.hash === b.hash;
}

function damaged(what: string): Failure<ReplayFault> {
  return failure(
    'recording-corrupt',
    `the recording cannot be replayed: ${what}; was it written by this version?`,
  );
}
