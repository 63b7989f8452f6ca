/**
 * The policy host: the only place where V8 sees a stranger's bytes. Bundled into one file, run as a child
 * process, synchronous from end to end. It holds three pipes' ends and a read-only file, and asks nothing.
 */
import { faultTextBytesMax } from '../../limits.ts';
import { meterModule } from '../meter/meter.ts';
import { REPLY_AT, REQUEST, REQUEST_AT, REQUEST_BYTES, REQUEST_MAGIC, STATUS } from '../wire.ts';
import { encodeReply, readRequest, readShared, writeReply } from './channel.ts';
import type { ReplyBody } from './channel.ts';
import { Unreadable, instantiateGuest } from './guest.ts';
import type { Guest, GuestLog } from './guest.ts';
import { dumpInstance, undumpInstance } from './instance-state.ts';
import { liftPlan, liftRefusal, liftState } from './lift.ts';
import { columnsOf, lowerEpoch, lowerSettings, observeChunks } from './lower.ts';
import type { ColumnForm } from './lower.ts';

/** Fuel ran out in a call of ours, behind which the policy did nothing more that would have been charged. */
class Exhausted extends Error {}

/** What an answered call leaves to do: copy it out, then let the policy free it. */
interface Answer {
  readonly status: number;
  readonly body: ReplyBody;
  readonly release?: () => void;
  readonly memoryPages?: number;
}

const header = new Uint8Array(REQUEST_BYTES);
const request = new DataView(header.buffer);
const u32 = (at: number): number => request.getUint32(at, true);
const text = (message: string): Uint8Array => {
  const bytes = new Uint8Array(faultTextBytesMax);
  return bytes.subarray(0, new TextEncoder().encodeInto(message, bytes).written);
};

let guest: Guest | undefined;
let columns: readonly ColumnForm[] = [];
let stateBytesMax = 0;

/** Once a request, for all that it calls: what one export leaves is the next one's. */
function refuel(policy: Guest): void {
  policy.fuel.value = BigInt(fuelGiven());
}

function fuelGiven(): number {
  return request.getFloat64(REQUEST_AT.fuel, true);
}

/** What the policy burnt of what the request gave it. */
function fuelBurnt(): number {
  return guest === undefined ? 0 : fuelGiven() - Math.max(0, Number(guest.fuel.value));
}

function isExhausted(): boolean {
  return guest !== undefined && guest.fuel.value < 0n;
}

function payload(bytes: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  readShared(copy, 0);
  return copy;
}

function load(): Answer {
  const original = payload(u32(REQUEST_AT.coreBytes));
  columns = columnsOf(u32(REQUEST_AT.columnMask));
  stateBytesMax = u32(REQUEST_AT.stateBytesMax);
  // What is valid is rewritten: only now is it known what the rewriter reads. Nothing runs unbounded.
  if (!WebAssembly.validate(original))
    return { status: STATUS.invalid, body: { fault: text(whyInvalid(original)) } };
  const metered = meterModule(original, { memoryPagesMax: u32(REQUEST_AT.memoryPagesMax) });
  if (!metered.ok) return { status: STATUS.invalid, body: { fault: text(metered.message) } };
  guest = instantiateGuest(new WebAssembly.Module(metered.value.binary));
  refuel(guest);
  guest.start();
  return { status: STATUS.ok, body: {} };
}

function whyInvalid(module: Uint8Array<ArrayBuffer>): string {
  try {
    return `${String(new WebAssembly.Module(module))} compiles, but does not validate`;
  } catch (error) {
    return (error as Error).message;
  }
}

function refusable(policy: Guest, name: 'configure' | 'restore', answer: number): Answer {
  const refusal = liftRefusal(policy, answer);
  const release = (): void => policy.release(name, answer);
  if (refusal === undefined) return { status: STATUS.ok, body: {}, release };
  return { status: STATUS.refused, body: { fault: text(refusal) }, release };
}

function configure(policy: Guest): Answer {
  const count = u32(REQUEST_AT.settings);
  const settings = lowerSettings(policy, payload(u32(REQUEST_AT.payloadBytes)), count);
  return refusable(policy, 'configure', policy.exports.configure(settings, count));
}

function epoch(policy: Guest): Answer {
  policy.exports.begin(...lowerEpoch(policy, request));
  observeChunks(policy, request, columns);
  const answer = policy.exports.decide();
  return {
    status: STATUS.ok,
    body: liftPlan(policy, answer),
    release: () => policy.release('decide', answer),
  };
}

function save(policy: Guest): Answer {
  const answer = policy.exports.save();
  const body = liftState(policy, answer, stateBytesMax);
  return { status: STATUS.ok, body, release: () => policy.release('save', answer) };
}

function restore(policy: Guest): Answer {
  const bytes = u32(REQUEST_AT.payloadBytes);
  const at = policy.allocate(1, bytes);
  readShared(policy.bytes(at, bytes), 0);
  return refusable(policy, 'restore', policy.exports.restore(u32(REQUEST_AT.stateVersion), at, bytes));
}

function dump(policy: Guest): Answer {
  return { status: STATUS.ok, ...dumpInstance(policy, request) };
}

function undump(policy: Guest): Answer {
  const misfit = undumpInstance(policy, request);
  if (misfit === undefined) return { status: STATUS.ok, body: {} };
  return { status: STATUS.refused, body: { fault: text(misfit) } };
}

const calls: Readonly<Record<number, (policy: Guest) => Answer>> = {
  [REQUEST.configure]: configure,
  [REQUEST.epoch]: epoch,
  [REQUEST.save]: save,
  [REQUEST.restore]: restore,
  [REQUEST.dump]: dump,
  [REQUEST.undump]: undump,
};

function answerRequest(): Uint8Array {
  if (u32(REQUEST_AT.magic) !== REQUEST_MAGIC) throw new Error('a request without its magic number');
  const kind = u32(REQUEST_AT.kind);
  const call = calls[kind];
  if (kind === REQUEST.load) return encode(load());
  if (call === undefined || guest === undefined) throw new Error(`request ${kind} cannot be answered now`);
  refuel(guest);
  return encode(call(guest));
}

function encode({ status, body, release, memoryPages = 0 }: Answer): Uint8Array {
  const reply = encodeReply(u32(REQUEST_AT.sequence), status, takeLog(), body);
  new DataView(reply.buffer).setUint32(REPLY_AT.memoryPages, memoryPages, true);
  release?.();
  if (isExhausted()) throw new Exhausted();
  return reply;
}

/** The lines logged since it was last asked. */
function takeLog(): GuestLog {
  const log = guest?.log;
  const taken = { lines: log?.lines.splice(0) ?? [], dropped: log?.dropped ?? 0 };
  if (log !== undefined) log.dropped = 0;
  return taken;
}

/** Faults of the policy are answers; anything else is ours, and ends the host with its stack on stderr. */
function encodeFault(error: unknown): Uint8Array {
  const statuses: readonly (readonly [new (message?: string) => Error, number])[] = [
    [Unreadable, STATUS.unreadable],
    [WebAssembly.CompileError, STATUS.invalid],
    [WebAssembly.LinkError, STATUS.invalid],
    [WebAssembly.RuntimeError, STATUS.trapped],
    [RangeError, STATUS.trapped],
    [Exhausted, STATUS.exhausted],
  ];
  const match = statuses.find(([kind]) => error instanceof kind);
  if (match === undefined) throw error;
  const body = { fault: text((error as Error).message) };
  // Whatever a policy without fuel ends with: had it had more, it would have gone on.
  const status = isExhausted() ? STATUS.exhausted : match[1];
  return encodeReply(u32(REQUEST_AT.sequence), status, takeLog(), body);
}

while (readRequest(header)) {
  let reply: Uint8Array;
  try {
    reply = answerRequest();
  } catch (error) {
    reply = encodeFault(error);
  }
  writeReply(reply, fuelBurnt());
}
