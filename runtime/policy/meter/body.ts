import type { BinaryReader } from '../parse/binary-reader.ts';
import { OPCODE } from '../parse/instructions.ts';
import { EMIT, VALUE, join, signed, unsigned } from './encode.ts';
import type { Bytes } from './encode.ts';
import { createPricing } from './prices.ts';
import type { Prices } from './prices.ts';
import { isCall, scan } from './scan.ts';
import type { Mark, Scan } from './scan.ts';

/** What metered code refers to besides itself. */
export interface Surroundings {
  /** Index of the global that holds the fuel left. */
  readonly fuel: number;
  /** Function that charges for the bytes on top of the stack and leaves their number there. */
  readonly chargeBytes: number;
  /** The same for the pages that memory is to grow by. */
  readonly chargePages: number;
  readonly prices: Prices;
}

export interface Signature {
  /** Number of parameters. */
  readonly params: number;
  /** The block type that yields the results. */
  readonly results: Bytes;
}

/** A function's code, read. Offsets are those of the reader it came from. */
export interface Body extends Scan {
  readonly start: number;
  readonly localsStart: number;
  readonly codeStart: number;
  readonly end: number;
  /** Groups of locals, and locals in all of them. */
  readonly groups: number;
  readonly locals: number;
}

export function readBody(reader: BinaryReader, hasParams: (type: number) => boolean): Body {
  const start = reader.offset;
  const groups = reader.count();
  const localsStart = reader.offset;
  let locals = 0;
  for (let left = groups; left > 0; left--) {
    locals += reader.u32();
    reader.byte();
  }
  const codeStart = reader.offset;
  const read = scan(reader, hasParams);
  return { ...read, start, localsStart, codeStart, end: reader.offset, groups, locals };
}

/**
 * A function's code with charges in it. A call pays for each of the function's instructions once, a branch
 * back to a loop for each of the loop's once more, whichever way is taken then. Since control goes back in
 * no other way, an instruction runs at most as often as it was paid for, and no iteration is free.
 *
 * Where there are ways back the fuel left lives in a local, which costs an iteration one subtraction and one
 * branch, not a load and a store besides. The global has the value wherever other metered code runs, and at
 * the end.
 */
export function meterBody(
  body: Body,
  binary: Uint8Array,
  { params, results }: Signature,
  { fuel, chargeBytes, chargePages, prices }: Surroundings,
): Uint8Array {
  const code = createSnippets(unsigned(fuel), unsigned(params + body.locals));
  const costOf = createPricing(body, prices);
  const inLocal = body.marks.some(({ loops }) => loops.length > 0);

  function rewrite(mark: Mark): readonly Bytes[] {
    const { opcode, index, depth } = mark;
    const original = binary.subarray(mark.start, mark.end);
    if (mark.loops.length > 0) return chargeBranch(mark, original);
    // To the end of the block around it all, where the fuel is stored.
    if (opcode === OPCODE.return) return [inLocal ? [EMIT.branch, ...unsigned(depth)] : original];
    // What charges nothing changes nothing, but may call others that do before it traps.
    if (opcode === OPCODE.call && prices.has(index)) return inLocal ? [code.store, original] : [original];
    const helper = opcode === OPCODE.memoryGrow ? chargePages : chargeBytes;
    const called = isCall(opcode) ? original : [EMIT.call, ...unsigned(helper)];
    return [...(inLocal ? [code.store, called, code.load] : [called]), isCall(opcode) ? [] : original];
  }

  function chargeBranch({ opcode, depth, index, loops }: Mark, original: Bytes): readonly Bytes[] {
    const units = Math.max(...loops.map(costOf));
    const charge = (leave: number): Bytes[] => [code.charge(units), code.leaveIfSpent(leave)];
    // Values that a branch hands over lie below its condition, out of reach of a block: it pays either way.
    if (opcode !== OPCODE.branchIf || loops[0]!.takesValues) return [...charge(depth + 1), original];
    return [[EMIT.if, VALUE.none], ...charge(depth + 2), [EMIT.branch, ...unsigned(index + 1), EMIT.end]];
  }

  const parts: Bytes[] = [unsigned(body.groups + 1), binary.subarray(body.localsStart, body.codeStart)];
  parts.push([1, VALUE.i64]);
  if (inLocal) parts.push([EMIT.block, VALUE.none, EMIT.block], results);
  parts.push(code.load, code.charge(costOf(body)));
  parts.push(...(inLocal ? [code.leaveIfSpent(1)] : [code.store, code.trapIfSpent]));
  let copied = body.codeStart;
  for (const mark of body.marks) {
    parts.push(binary.subarray(copied, mark.start), ...rewrite(mark));
    copied = mark.end;
  }
  parts.push(binary.subarray(copied, body.end));
  if (inLocal) parts.push(code.store, [EMIT.return, EMIT.end], code.store, [EMIT.unreachable, EMIT.end]);
  return join(parts);
}

/** `left`: the local that holds the fuel left. */
function createSnippets(fuel: readonly number[], left: readonly number[]) {
  const isSpent = [EMIT.localGet, ...left, EMIT.i64Const, 0, EMIT.i64LtS];
  return {
    load: [EMIT.globalGet, ...fuel, EMIT.localSet, ...left],
    store: [EMIT.localGet, ...left, EMIT.globalSet, ...fuel],
    trapIfSpent: [...isSpent, EMIT.if, VALUE.none, EMIT.unreachable, EMIT.end],
    leaveIfSpent: (depth: number) => [...isSpent, EMIT.branchIf, ...unsigned(depth)],
    charge: (units: number) => [
      ...[EMIT.localGet, ...left, EMIT.i64Const, ...signed(BigInt(units))],
      ...[EMIT.i64Sub, EMIT.localSet, ...left],
    ],
  };
}
