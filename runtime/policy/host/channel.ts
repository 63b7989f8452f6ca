import { readSync, writeSync } from 'node:fs';
import {
  REPLY_AT,
  REPLY_BYTES,
  REPLY_MAGIC,
  REPLY_SECTION_NAMES,
  TICK_BYTES,
  findExcess,
  layOutReply,
} from '../wire.ts';
import type { ReplyLengths, ReplySection } from '../wire.ts';
import { REPLY_SECTIONS } from '../wire.ts';
import { Unreadable } from './guest.ts';
import type { GuestLog } from './guest.ts';

const REQUESTS = 0;
const REPLIES = 1;
const SHARED = 3;

/** Fills `bytes` from the requests; false when the runtime has closed them. */
export function readRequest(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(REQUESTS, bytes, at, bytes.length - at, null);
    if (read === 0) return false;
    at += read;
  }
  return true;
}

const tick = new Uint8Array(TICK_BYTES);

/** Waits until the columns of a chunk are in the shared file. */
export function awaitChunk(chunk: number): void {
  if (!readRequest(tick) || new DataView(tick.buffer).getUint32(0, true) !== chunk)
    throw new Error(`chunk ${chunk} of the epoch was not announced`);
}

/** Fills `bytes`, usually a view of the policy's memory, from the shared file. */
export function readShared(bytes: Uint8Array, position: number): void {
  let at = 0;
  while (at < bytes.length) {
    const read = readSync(SHARED, bytes, at, bytes.length - at, position + at);
    if (read === 0) throw new Error(`the shared file ends at ${position + at}`);
    at += read;
  }
}

/** `fuel`: burnt by the whole request, its last calls included, which come after the reply was encoded. */
export function writeReply(reply: Uint8Array, fuel: number): void {
  new DataView(reply.buffer, reply.byteOffset).setFloat64(REPLY_AT.fuel, fuel, true);
  let at = 0;
  while (at < reply.length) at += writeSync(REPLIES, reply, at, reply.length - at);
}

export type ReplyBody = Readonly<Partial<Record<ReplySection, Uint8Array>>>;

/** Copies what is answered out of the policy's memory into one buffer. */
export function encodeReply(sequence: number, status: number, log: GuestLog, body: ReplyBody): Uint8Array {
  const all: ReplyBody = { ...body, log: concatenateLog(log) };
  const lengths = Object.fromEntries(
    REPLY_SECTION_NAMES.map((name) => [name, (all[name]?.length ?? 0) / REPLY_SECTIONS[name]]),
  ) as ReplyLengths;
  const excess = findExcess(lengths);
  if (excess !== undefined) throw new Unreadable(excess);
  const { at, bytes } = layOutReply(lengths);
  const reply = new Uint8Array(REPLY_BYTES + bytes);
  writeHeader(new DataView(reply.buffer), sequence, status, log, lengths);
  for (const name of REPLY_SECTION_NAMES) reply.set(all[name] ?? [], REPLY_BYTES + at[name]);
  return reply;
}

function writeHeader(
  header: DataView,
  sequence: number,
  status: number,
  { lines, dropped }: GuestLog,
  lengths: ReplyLengths,
): void {
  header.setUint32(REPLY_AT.magic, REPLY_MAGIC, true);
  header.setUint32(REPLY_AT.sequence, sequence, true);
  header.setUint32(REPLY_AT.status, status, true);
  header.setUint32(REPLY_AT.logLines, lines.length, true);
  header.setUint32(REPLY_AT.logDropped, dropped, true);
  REPLY_SECTION_NAMES.forEach((name, i) => header.setUint32(REPLY_AT.lengths + i * 4, lengths[name], true));
  lines.forEach(({ level, text }, i) => {
    header.setUint8(REPLY_AT.logLevels + i, level);
    header.setUint16(REPLY_AT.logLengths + i * 2, text.length, true);
  });
}

function concatenateLog({ lines }: GuestLog): Uint8Array {
  return new Uint8Array(lines.flatMap(({ text }) => [...text]));
}
