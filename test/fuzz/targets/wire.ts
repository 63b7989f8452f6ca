import { admit } from '../../../executor/admit.ts';
import { readReport } from '../../../executor/confinement.ts';
import {
  LAUNCH_FAULTS,
  readExit,
  readRequest as readLaunch,
  readStarted,
} from '../../../executor/launch/messages.ts';
import type { Limits } from '../../../executor/limits.ts';
import { FAULTS, readBudgets, readOutcome, readRequest } from '../../../executor/messages.ts';
import { parseLimits } from '../../../executor/parse-limits.ts';
import type { Topology } from '../../../executor/topology.ts';
import { isFields, readReply } from '../../../executor/wire/envelope.ts';
import { createFrameReader, decodeBody, encodeFrame } from '../../../executor/wire/frames.ts';
import { isNext, readSample, SOURCE_FAULTS } from '../../../runtime/telemetry/sensor-messages.ts';
import { cut, must, owned, refusalCode } from '../expect.ts';

const FRAME_BYTES_MAX = 65_536;
const ENTRIES = 2;
const LIMITS = limitsOf({
  scopes: {
    tenant: { members: { kind: 'uid', uid: 1000 }, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 100 },
  },
});
const NODE = { hasCpus: true, capacity: 1000, free: 500, watermark: 10, latencyNs: 90, bandwidthMib: 20_000 };
const TOPOLOGY: Topology = {
  generation: 1,
  nodes: [
    { ...NODE, node: 0, tier: 0 },
    { ...NODE, node: 1, tier: 1 },
  ],
};

/**
 * What executor, sensor, launcher and runtime send each other: a stream of frames, in pieces of as many bytes as
 * the first byte says, and then the same bytes as one frame's body, whose length need not fit. Every reader gets
 * every message.
 */
export function fuzz(input: Uint8Array): string {
  const stream = owned(input.subarray(1));
  const whole = readStream([stream], stream.length);
  const pieces = readStream(cut(stream, 1 + (input[0] ?? 0)), 1 + (input[0] ?? 0));
  must(whole === pieces, `in one piece ${whole}, cut ${pieces}`);
  const body = decodeBody(stream);
  return `${whole}; ${body.ok ? checkMessage(body.value) : refusalCode(body)}`;
}

function readStream(pieces: Iterable<Uint8Array>, pieceBytes: number): string {
  const reader = createFrameReader(FRAME_BYTES_MAX);
  const told: string[] = [];
  for (const piece of pieces)
    for (const message of reader.read(piece)) {
      must(reader.heldBytes <= FRAME_BYTES_MAX + 4 + pieceBytes, 'more is held than a frame');
      told.push(message.ok ? checkMessage(message.value) : refusalCode(message));
    }
  return [...new Set(told)].join(' ') || 'incomplete';
}

function checkMessage(message: unknown): string {
  checkWritten(message);
  const value = isFields(message) && 'value' in message ? message.value : message;
  const known = [
    ['request', isRequest(message)],
    ['launch', isOk(readLaunch(message))],
    ['next', isNext(message)],
    ['reply', [FAULTS, LAUNCH_FAULTS, SOURCE_FAULTS].some((codes) => readReply<string>(message, 1, codes))],
    ['exit', readExit(message) !== undefined],
    ['budgets', readBudgets(value) !== undefined],
    ['outcome', isOutcome(value)],
    ['sample', isSample(value)],
    ['started', readStarted(value) !== undefined],
    ['report', readReport(value) !== undefined],
  ] as const;
  return known.flatMap(([name, is]) => (is ? [name] : [])).join('+') || 'unknown';
}

/** What was decoded can be written, and then reads as it was written. */
function checkWritten(message: unknown): void {
  const once = encodeFrame(message);
  must(once.ok, 'decoded, yet cannot be written');
  const bytes = once.value.slice();
  const decoded = decodeBody(bytes.subarray(4));
  must(decoded.ok, 'written, yet cannot be decoded');
  const twice = encodeFrame(decoded.value);
  must(twice.ok && Buffer.from(bytes).equals(twice.value), 'written twice, it differs');
}

function isRequest(message: unknown): boolean {
  const request = readRequest(message);
  if (isOk(request) && request.ok && request.value.kind !== 'budgets') {
    const { plan } = request.value;
    const admitted = admit(plan, LIMITS, TOPOLOGY);
    if (isOk(admitted) && admitted.ok)
      must(admitted.value.verdicts.length === plan.target.length, 'a verdict is missing');
  }
  return request.ok;
}

function isOutcome(value: unknown): boolean {
  const outcome = readOutcome(value, ENTRIES);
  if (outcome !== undefined)
    must(
      outcome.frames.entry.every((entry) => entry < ENTRIES),
      'frames of an entry that there is not',
    );
  return outcome !== undefined;
}

function isSample(value: unknown): boolean {
  const sample = readSample(value);
  if (sample === undefined) return false;
  const { pageNumber, pages, owner, coverage } = sample.rows;
  must(coverage.length === pageNumber.length, 'a row with holes');
  for (let row = 1; row < pageNumber.length; row++)
    must(
      owner[row]! > owner[row - 1]! || pageNumber[row]! >= pageNumber[row - 1]! + pages[row - 1]!,
      `row ${row} overlaps the one before`,
    );
  return true;
}

function limitsOf(json: object): Limits {
  const limits = parseLimits(json);
  must(limits.ok, 'limits of our own');
  return limits.value;
}

function isOk(result: Parameters<typeof refusalCode>[0] | { readonly ok: true }): boolean {
  if (!result.ok) refusalCode(result);
  return result.ok;
}
