import type { BinaryReader } from '../parse/binary-reader.ts';
import { OPCODE } from '../parse/instructions.ts';
import { EMIT, VALUE, join, signed, unsigned } from './encode.ts';
import type { Bytes } from './encode.ts';
import { scan } from './scan.ts';
import type { Mark } from './scan.ts';

/** What metered code refers to besides itself. */
export interface Surroundings {
  /** Index of the global that holds the fuel left. */
  readonly fuel: number;
  /** Function that charges for the bytes on top of the stack and leaves their number there. */
  readonly chargeBytes: number;
  /** The same for the pages that memory is to grow by. */
  readonly chargePages: number;
}

export interface Signature {
  /** Number of parameters. */
  readonly params: number;
  /** The block type that yields the results. */
  readonly results: Bytes;
}

/**
 * A function's code with charges in it. Whoever enters a piece of code pays for all of it, one unit an
 * instruction, whichever branch is taken: a call for the body without its loops, an iteration for the loop's
 * body without the loops inside. So nothing runs that was not paid for before, and no iteration is free.
 *
 * Where there are loops the fuel left lives in a local, which costs an iteration one subtraction and one
 * branch, not a load and a store besides. The global has the value wherever other code runs, and at the end.
 *
 * `binary` is what `reader` reads, from its offset 0 on.
 */
export function meterBody(
  reader: BinaryReader,
  binary: Uint8Array,
  { params, results }: Signature,
  { fuel, chargeBytes, chargePages }: Surroundings,
): Uint8Array {
  const locals = readLocals(reader);
  const codeStart = reader.offset;
  const { marks, costs } = scan(reader);
  const code = createSnippets(unsigned(fuel), unsigned(params + locals.count));
  const inLocal = costs.length > 1;

  function rewrite({ opcode, depth, piece, start, end }: Mark): readonly Bytes[] {
    const original = binary.subarray(start, end);
    if (opcode === OPCODE.loop) return [original, code.charge(costs[piece]!), code.leaveIfSpent(depth + 1)];
    // To the end of the block around it all, where the fuel is stored.
    if (opcode === OPCODE.return) return [inLocal ? [EMIT.branch, ...unsigned(depth)] : original];
    const isCall = opcode === OPCODE.call || opcode === OPCODE.callIndirect;
    const helper = opcode === OPCODE.memoryGrow ? chargePages : chargeBytes;
    const called = isCall ? original : [EMIT.call, ...unsigned(helper)];
    return [...(inLocal ? [code.store, called, code.load] : [called]), isCall ? [] : original];
  }

  const parts: Bytes[] = [unsigned(locals.groups + 1), binary.subarray(locals.start, codeStart)];
  parts.push([1, VALUE.i64]);
  if (inLocal) parts.push([EMIT.block, VALUE.none, EMIT.block], results);
  parts.push(code.load, code.charge(costs[0]!));
  parts.push(...(inLocal ? [code.leaveIfSpent(1)] : [code.store, code.trapIfSpent]));
  let copied = codeStart;
  for (const mark of marks) {
    parts.push(binary.subarray(copied, mark.start), ...rewrite(mark));
    copied = mark.end;
  }
  parts.push(binary.subarray(copied, reader.offset));
  if (inLocal) parts.push(code.store, [EMIT.return, EMIT.end], code.store, [EMIT.unreachable, EMIT.end]);
  return join(parts);
}

/** How many groups of locals are declared, from where on, and how many locals that makes. */
function readLocals(reader: BinaryReader): { groups: number; start: number; count: number } {
  const groups = reader.count();
  const start = reader.offset;
  let count = 0;
  for (let left = groups; left > 0; left--) {
    count += reader.u32();
    reader.byte();
  }
  return { groups, start, count };
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
