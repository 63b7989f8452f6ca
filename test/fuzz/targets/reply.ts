import { readPlan } from '../../../runtime/policy/plan.ts';
import { createReplyReader } from '../../../runtime/policy/reply.ts';
import type { Reply } from '../../../runtime/policy/reply.ts';
import {
  REPLY_AT,
  REPLY_BYTES,
  REPLY_SECTION_NAMES,
  REPLY_SECTIONS,
  padded,
} from '../../../runtime/policy/wire.ts';
import { cut, must, owned, refusalCode } from '../expect.ts';

const PLACES = 2;

/** What a policy host answers, in pieces of as many bytes as the first byte says. */
export function fuzz(input: Uint8Array): string {
  const stream = owned(input.subarray(1));
  const sequence = stream.length < 8 ? 0 : new DataView(stream.buffer).getUint32(REPLY_AT.sequence, true);
  const whole = readAll([stream], sequence);
  const pieces = readAll(cut(stream, 1 + (input[0] ?? 0)), sequence);
  must(whole.told === pieces.told, `in one piece ${whole.told}, cut ${pieces.told}`);
  const { reply } = whole;
  return reply === undefined ? whole.told : `${whole.told.split(' ')[0]!}, ${checkReply(reply, stream)}`;
}

function readAll(pieces: Iterable<Uint8Array>, sequence: number): { told: string; reply?: Reply } {
  const reader = createReplyReader();
  let reply: Reply | undefined;
  for (const piece of pieces) {
    if (reply !== undefined) return { told: 'goes-on' };
    const read = reader.read(piece, sequence);
    if (!read.ok) {
      const code = refusalCode(read);
      return { told: read.message.endsWith('goes on after its end') ? 'goes-on' : code };
    }
    reply = read.value;
  }
  return reply === undefined ? { told: 'incomplete' } : { told: `complete ${reply.hash()}`, reply };
}

function checkReply(reply: Reply, stream: Uint8Array<ArrayBuffer>): string {
  let bytes = REPLY_BYTES;
  for (const name of REPLY_SECTION_NAMES) {
    const section = reply.section(name);
    must(
      section.length === reply.lengths[name] * REPLY_SECTIONS[name],
      `a section ${name} of another length`,
    );
    must(section.byteOffset % 8 === 0, `a section ${name} at an odd place`);
    bytes += padded(section.length);
  }
  must(logBytes(stream) === reply.lengths.log, 'a log of another length than its lines');
  must(bytes === stream.length, 'a reply of other bytes than came');
  must(Number.isSafeInteger(reply.fuel) && reply.fuel >= 0, 'fuel that cannot be');
  const texts = [reply.fault, ...reply.log.map(({ message }) => message)];
  must(!texts.some((text) => /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)), 'a text that steers a terminal');
  const plan = readPlan(reply, PLACES);
  if (!plan.ok) return refusalCode(plan);
  const { regions, targets, priorities, reasons, headroom, wishes } = plan.value;
  must(targets.length === regions.length, 'a plan with a target missing');
  for (const column of [priorities, reasons])
    must(column.length === 0 || column.length === regions.length, 'a plan with half a column');
  must(headroom.length === 0 || headroom.length === PLACES, 'headroom for other places');
  must(wishes.length === reply.lengths.wishes, 'other wishes than were sent');
  return 'plan';
}

function logBytes({ buffer }: Uint8Array<ArrayBuffer>): number {
  const header = new DataView(buffer);
  let bytes = 0;
  for (let line = 0; line < header.getUint32(REPLY_AT.logLines, true); line++)
    bytes += header.getUint16(REPLY_AT.logLengths + line * 2, true);
  return bytes;
}
