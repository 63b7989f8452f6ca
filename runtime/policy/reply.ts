import { createHash } from 'node:crypto';
import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import { logLineBytesMax, logLinesMax } from '../limits.ts';
import type { LogLine } from './policy.ts';
import {
  REPLY_AT,
  REPLY_BYTES,
  REPLY_MAGIC,
  REPLY_SECTIONS,
  REPLY_SECTION_NAMES,
  STATUS,
  findExcess,
  layOutReply,
} from './wire.ts';
import type { ReplyLengths, ReplySection } from './wire.ts';

/** A reply whose lengths were checked. Nothing is known about what its sections say. */
export interface Reply {
  readonly status: number;
  readonly lengths: ReplyLengths;
  /** Bytes of a section. It begins at a multiple of eight of its buffer, so any typed array fits over it. */
  section(name: ReplySection): Uint8Array<ArrayBuffer>;
  readonly fault: string;
  readonly fuel: number;
  /** Of a dump: the size of the policy's memory. */
  readonly memoryPages: number;
  /** SHA-256 of everything answered, but for the sequence number; hexadecimal. */
  hash(): string;
  readonly log: readonly LogLine[];
  readonly logDropped: number;
}

/** Puts replies together out of what a host writes, however it is cut. Allocates nothing a header may not ask for. */
export interface ReplyReader {
  /** The reply when it is complete; undefined when more must come. */
  read(bytes: Uint8Array, sequence: number): Result<Reply | undefined, 'plan-unreadable'>;
}

export function createReplyReader(): ReplyReader {
  const header = new Uint8Array(REPLY_BYTES);
  let headerAt = 0;
  let body: Uint8Array<ArrayBuffer> | undefined;
  let bodyAt = 0;

  return {
    read(bytes, sequence) {
      const head = bytes.subarray(0, REPLY_BYTES - headerAt);
      header.set(head, headerAt);
      headerAt += head.length;
      if (headerAt < REPLY_BYTES) return success(undefined);
      const view = new DataView(header.buffer);
      if (body === undefined) {
        const fault = headerFault(view, sequence);
        if (fault !== undefined) return unreadable(fault);
        body = new Uint8Array(layOutReply(readLengths(view)).bytes);
        bodyAt = 0;
      }
      const tail = bytes.subarray(head.length);
      if (tail.length > body.length - bodyAt) return unreadable('it goes on after its end');
      body.set(tail, bodyAt);
      bodyAt += tail.length;
      if (bodyAt < body.length) return success(undefined);
      const reply = decodeReply(new DataView(header.slice().buffer), body);
      headerAt = 0;
      body = undefined;
      return success(reply);
    },
  };
}

function unreadable(what: string): Result<never, 'plan-unreadable'> {
  return failure('plan-unreadable', `the policy host answered something unreadable: ${what}`);
}

function readLengths(header: DataView): ReplyLengths {
  return Object.fromEntries(
    REPLY_SECTION_NAMES.map((name, i) => [name, header.getUint32(REPLY_AT.lengths + i * 4, true)]),
  ) as ReplyLengths;
}

function headerFault(header: DataView, sequence: number): string | undefined {
  const u32 = (at: number): number => header.getUint32(at, true);
  if (u32(REPLY_AT.magic) !== REPLY_MAGIC) return 'it does not begin like a reply';
  if (u32(REPLY_AT.sequence) !== sequence) return 'it answers another request';
  if (!Object.values<number>(STATUS).includes(u32(REPLY_AT.status))) return 'its status is unknown';
  const fuel = header.getFloat64(REPLY_AT.fuel, true);
  if (!(Number.isSafeInteger(fuel) && fuel >= 0)) return 'the fuel it burnt is no whole number';
  const lengths = readLengths(header);
  const logBytes = logLengths(header);
  if (u32(REPLY_AT.logLines) > logLinesMax || logBytes.some((bytes) => bytes > logLineBytesMax))
    return 'its log is longer than allowed';
  if (logBytes.reduce((sum, bytes) => sum + bytes, 0) !== lengths.log)
    return 'its log has not the length it says';
  return findExcess(lengths);
}

function logLengths(header: DataView): readonly number[] {
  const lines = Math.min(header.getUint32(REPLY_AT.logLines, true), logLinesMax);
  return Array.from({ length: lines }, (_, i) => header.getUint16(REPLY_AT.logLengths + i * 2, true));
}

function decodeReply(header: DataView<ArrayBuffer>, body: Uint8Array<ArrayBuffer>): Reply {
  const lengths = readLengths(header);
  const { at } = layOutReply(lengths);
  const section = (name: ReplySection): Uint8Array<ArrayBuffer> =>
    new Uint8Array(body.buffer, at[name], lengths[name] * REPLY_SECTIONS[name]);
  let logAt = 0;
  const log = logLengths(header).map((bytes, i) => ({
    level: header.getUint8(REPLY_AT.logLevels + i),
    message: plainText(section('log').subarray(logAt, (logAt += bytes))),
  }));
  return {
    status: header.getUint32(REPLY_AT.status, true),
    lengths,
    section,
    fault: plainText(section('fault')),
    fuel: header.getFloat64(REPLY_AT.fuel, true),
    memoryPages: header.getUint32(REPLY_AT.memoryPages, true),
    hash: () =>
      createHash('sha256').update(new Uint8Array(header.buffer, REPLY_AT.status)).update(body).digest('hex'),
    log,
    logDropped: header.getUint32(REPLY_AT.logDropped, true),
  };
}

/** Text of a stranger as one line that cannot steer a terminal. */
export function plainText(utf8: Uint8Array): string {
  return new TextDecoder().decode(utf8).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
