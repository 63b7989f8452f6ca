import type { BinaryReader } from '../parse/binary-reader.ts';
import { createInstruction, OPCODE, readInstruction } from '../parse/instructions.ts';

/** An instruction that is not merely copied. Offsets are the reader's. */
export interface Mark {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
  /** Blocks open behind it: the label of the function itself. */
  readonly depth: number;
  /** Where a loop begins, the piece that its body is. */
  readonly piece: number;
}

/** A function's code, taken apart at the loops. */
export interface Scan {
  readonly marks: readonly Mark[];
  /** Instructions of each piece. The first is the body without its loops, each other a loop without those inside. */
  readonly costs: readonly number[];
}

const MARKED: ReadonlySet<number> = new Set([
  OPCODE.loop,
  OPCODE.return,
  OPCODE.call,
  OPCODE.callIndirect,
  OPCODE.memoryGrow,
  OPCODE.memoryInit,
  OPCODE.memoryCopy,
  OPCODE.memoryFill,
]);

/** Reads a function's instructions up to its own `end`, behind which there must be nothing. */
export function scan(reader: BinaryReader): Scan {
  const instruction = createInstruction();
  const marks: Mark[] = [];
  const costs = [0];
  /** The piece that each open block lies in. */
  const around: number[] = [];
  let piece = 0;
  let open = true;
  while (open && !reader.atEnd) {
    readInstruction(reader, instruction);
    const { opcode, offset: start } = instruction;
    if (opcode === OPCODE.block || opcode === OPCODE.if || opcode === OPCODE.loop) around.push(piece);
    if (opcode === OPCODE.loop) piece = costs.push(0) - 1;
    costs[piece]!++;
    if (MARKED.has(opcode)) marks.push({ opcode, start, end: reader.offset, depth: around.length, piece });
    if (opcode !== OPCODE.end) continue;
    open = around.length > 0;
    piece = around.pop() ?? 0;
  }
  if (open || !reader.atEnd) reader.fail('a function does not end where its code ends');
  return { marks, costs };
}
