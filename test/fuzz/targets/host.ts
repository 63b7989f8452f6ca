import { instantiateGuest, Unreadable } from '../../../runtime/policy/host/guest.ts';
import { encodeReply } from '../../../runtime/policy/host/channel.ts';
import { liftPlan, liftRefusal, liftState } from '../../../runtime/policy/host/lift.ts';
import { lowerSettings } from '../../../runtime/policy/host/lower.ts';
import { createReplyReader } from '../../../runtime/policy/reply.ts';
import { STATUS } from '../../../runtime/policy/wire.ts';
import { must, owned } from '../expect.ts';
import { guestModule } from '../guest-module.ts';

const HEAD_BYTES = 8;
const SEQUENCE = 7;
const STATE_BYTES_MAX = 4096;
const module = new WebAssembly.Module(guestModule());

/**
 * A policy's answers inside its host: four bytes of pointer, one of how many settings there are, and its memory,
 * from which also comes where it wants things. Its host says `unreadable`, or answers what the runtime can read.
 */
export function fuzz(input: Uint8Array): string {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(input.subarray(0, HEAD_BYTES));
  const [pointer, settings] = [new DataView(head.buffer).getUint32(0, true), head[4]!];
  const memory = owned(input.subarray(HEAD_BYTES));
  const guest = instantiateGuest(module);
  guest.bytes(0, memory.length).set(memory);
  return [
    lift('plan', () => liftPlan(guest, pointer)),
    lift('state', () => liftState(guest, pointer, STATE_BYTES_MAX)),
    lift('refusal', () => ({ fault: Buffer.from(liftRefusal(guest, pointer) ?? '') })),
    attempt('settings', () => void lowerSettings(guest, memory, settings)),
  ].join(', ');
}

function lift(name: string, read: () => Parameters<typeof encodeReply>[3]): string {
  const ending = attempt(name, () => {
    const reply = encodeReply(SEQUENCE, STATUS.ok, { lines: [], dropped: 0 }, read());
    const taken = createReplyReader().read(reply, SEQUENCE);
    must(taken.ok && taken.value !== undefined, `the runtime cannot read it: ${JSON.stringify(taken)}`);
  });
  must(!ending.endsWith('trapped'), `${name} was read where there is nothing`);
  return ending;
}

/** Whatever else is thrown would end the host as a fault of ours. */
function attempt(name: string, act: () => void): string {
  try {
    act();
    return `${name}-read`;
  } catch (error) {
    if (error instanceof Unreadable) return `${name}-unreadable`;
    if (error instanceof RangeError || error instanceof WebAssembly.RuntimeError) return `${name}-trapped`;
    throw error;
  }
}
