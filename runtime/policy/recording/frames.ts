import { fstatSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { recordingHeadBytesMax, recordingPayloadBytesMax } from '../../limits.ts';

/**
 * A recording is a file of frames, each: magic u32, kind u32, length of the head u32, zero u32, length of the
 * payload f64; the head (JSON in UTF-8); the payload; CRC-32 of head and payload u32. All little-endian. A
 * writer that was killed leaves a frame that ends too early, and whatever comes before it is whole.
 */
export const FRAME = {
  /** What it takes to load the policy: `Start` and the component. */
  start: 1,
  /** A policy's memory and globals between two requests: `Checkpoint` and their bytes. */
  checkpoint: 2,
  /** A request and what lay in the shared file for it. */
  request: 3,
  /** What came of the request before it: `Answer`. */
  answer: 4,
} as const;

const MAGIC = 0x43_45_52_54;
const HEADER_BYTES = 24;
const TRAILER_BYTES = 4;

export interface Frame {
  readonly kind: number;
  /** What the head's JSON says; nothing about it is known yet. */
  readonly head: unknown;
  readonly payload: Uint8Array<ArrayBuffer>;
}

export type RecordingFault = 'recording-unreadable' | 'recording-corrupt';

/** Appends a frame to the file; answers its bytes. Throws what write(2) refuses, and what no reader would take. */
export function appendFrame(
  file: number,
  kind: number,
  head: object,
  payload: readonly Uint8Array[] = [],
): number {
  const json = new TextEncoder().encode(JSON.stringify(head));
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  const payloadBytes = payload.reduce((bytes, part) => bytes + part.length, 0);
  if (json.length > recordingHeadBytesMax || payloadBytes > recordingPayloadBytesMax)
    throw new RangeError(
      `a frame of ${json.length} and ${payloadBytes} bytes; ${recordingHeadBytesMax} and ${recordingPayloadBytesMax} are allowed`,
    );
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, kind, true);
  header.setUint32(8, json.length, true);
  header.setFloat64(16, payloadBytes, true);
  const trailer = new DataView(new ArrayBuffer(TRAILER_BYTES));
  trailer.setUint32(
    0,
    [json, ...payload].reduce((sum, part) => crc32(part, sum), 0),
    true,
  );
  for (const part of [new Uint8Array(header.buffer), json, ...payload, new Uint8Array(trailer.buffer)])
    writeAll(file, part);
  return HEADER_BYTES + json.length + payloadBytes + TRAILER_BYTES;
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at);
}

/** Reads a recording frame by frame, from the beginning; undefined at its end, or where it was cut off. */
export interface FrameReader {
  next(): Result<Frame | undefined, RecordingFault>;
  /** Whether the last frame was cut off. */
  readonly cut: boolean;
}

export function createFrameReader(file: number): FrameReader {
  const fileBytes = fstatSync(file).size;
  let position = 0;
  let cut = false;

  function next(): Result<Frame | undefined, RecordingFault> {
    if (position === fileBytes) return success(undefined);
    const left = fileBytes - position;
    if (left < HEADER_BYTES + TRAILER_BYTES) return endEarly();
    const header = new DataView(readAt(file, position, HEADER_BYTES).buffer);
    const headBytes = header.getUint32(8, true);
    const payloadBytes = header.getFloat64(16, true);
    if (header.getUint32(0, true) !== MAGIC || !Number.isSafeInteger(payloadBytes) || payloadBytes < 0)
      return corrupt(position, 'no frame begins there');
    if (headBytes > recordingHeadBytesMax) return corrupt(position, 'the head of a frame is too long');
    if (payloadBytes > recordingPayloadBytesMax) return corrupt(position, 'a frame is too long');
    if (left < HEADER_BYTES + headBytes + payloadBytes + TRAILER_BYTES) return endEarly();
    const body = readAt(file, position + HEADER_BYTES, headBytes + payloadBytes + TRAILER_BYTES);
    const sum = new DataView(body.buffer).getUint32(headBytes + payloadBytes, true);
    if (crc32(body.subarray(0, headBytes + payloadBytes)) !== sum)
      return corrupt(position, 'the checksum of a frame does not match');
    const head = parseHead(body.subarray(0, headBytes));
    if (head === undefined) return corrupt(position, 'the head of a frame is not JSON');
    position += HEADER_BYTES + body.length;
    const payload = body.subarray(headBytes, headBytes + payloadBytes);
    return success({ kind: header.getUint32(4, true), head, payload });
  }

  function endEarly(): Result<undefined, never> {
    cut = true;
    position = fileBytes;
    return success(undefined);
  }

  return {
    next,
    get cut() {
      return cut;
    },
  };
}

function readAt(file: number, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = readSync(file, bytes, at, length - at, position + at);
    if (read === 0) break;
    at += read;
  }
  return bytes;
}

function parseHead(utf8: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(utf8));
  } catch {
    return undefined;
  }
}

function corrupt(position: number, what: string): Result<never, RecordingFault> {
  return failure(
    'recording-corrupt',
    `the recording is damaged at byte ${position}: ${what}; what comes before it can be replayed by itself`,
  );
}
