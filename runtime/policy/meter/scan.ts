import type { BinaryReader } from '../parse/binary-reader.ts';
import { createInstruction, OPCODE, readInstruction } from '../parse/instructions.ts';
import type { Instruction } from '../parse/instructions.ts';

/** A stretch of code: a function, or a loop with the loops inside it. */
export interface Stretch {
  /** Its instructions; those of the functions it calls are not among them. */
  instructions: number;
  /** The marks in it: from the first on, before the end. */
  readonly firstMark: number;
  endMark: number;
}

export interface Loop extends Stretch {
  /** Whether a branch back to it hands values over. */
  readonly takesValues: boolean;
}

/** An instruction that is not merely copied. Offsets are the reader's. */
export interface Mark {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
  /** Blocks open there, which makes it the label of the function itself. */
  readonly depth: number;
  /** The function that is called, the label that is branched to. */
  readonly index: number;
  /** A branch: the loops it may lead back to. */
  readonly loops: readonly Loop[];
  /** A call with `unreachable` right behind it: the last thing that an instance does. */
  isLast: boolean;
}

export interface Scan extends Stretch {
  readonly marks: readonly Mark[];
}

const BRANCHES: ReadonlySet<number> = new Set([OPCODE.branch, OPCODE.branchIf, OPCODE.branchTable]);
const MARKED: ReadonlySet<number> = new Set([
  OPCODE.return,
  OPCODE.call,
  OPCODE.callIndirect,
  OPCODE.memoryGrow,
  OPCODE.memoryInit,
  OPCODE.memoryCopy,
  OPCODE.memoryFill,
]);

export function isCall(opcode: number): boolean {
  return opcode === OPCODE.call || opcode === OPCODE.callIndirect;
}

/**
 * Reads a function's instructions up to its own `end`, behind which there must be nothing. `hasParams`: of a
 * type, whether it has parameters.
 */
export function scan(reader: BinaryReader, hasParams: (type: number) => boolean): Scan {
  const instruction = createInstruction();
  const marks: Mark[] = [];
  /** The open blocks; loops are kept, with the instructions before them. */
  const open: { readonly loop: Loop | undefined; readonly before: number }[] = [];
  let instructions = 0;
  let ended = false;

  function openBlock({ opcode, index }: Instruction): void {
    const takesValues = index >= 0 && hasParams(index);
    const loop = { instructions: 0, firstMark: marks.length, endMark: 0, takesValues };
    open.push({ loop: opcode === OPCODE.loop ? loop : undefined, before: instructions });
  }

  function closeBlock(): void {
    const block = open.pop();
    ended = block === undefined;
    if (block?.loop === undefined) return;
    block.loop.instructions = instructions - block.before;
    block.loop.endMark = marks.length;
  }

  function loopsOf({ opcode, index, labels }: Instruction): Loop[] {
    if (!BRANCHES.has(opcode)) return [];
    const targets = opcode === OPCODE.branchTable ? new Set(labels) : [index];
    return [...targets].flatMap((label) => open.at(-1 - label)?.loop ?? []);
  }

  while (!ended && !reader.atEnd) {
    readInstruction(reader, instruction);
    const { opcode, offset: start, index } = instruction;
    if (opcode === OPCODE.block || opcode === OPCODE.loop || opcode === OPCODE.if) openBlock(instruction);
    instructions++;
    const last = marks.at(-1);
    if (opcode === OPCODE.unreachable && last?.end === start) last.isLast = isCall(last.opcode);
    const loops = loopsOf(instruction);
    if (loops.length > 0 || MARKED.has(opcode)) {
      const end = reader.offset;
      marks.push({ opcode, start, end, depth: open.length, index, loops, isLast: false });
    }
    if (opcode === OPCODE.end) closeBlock();
  }
  if (!ended || !reader.atEnd) reader.fail('a function does not end where its code ends');
  return { marks, instructions, firstMark: 0, endMark: marks.length };
}
