import type { BinaryReader } from '../parse/binary-reader.ts';
import { createInstruction, OPCODE, readInstruction } from '../parse/instructions.ts';

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
  /** A direct call with `unreachable` right behind it: the last thing that an instance does. */
  isLast: boolean;
}

export interface Scan extends Stretch {
  readonly marks: readonly Mark[];
}

const NO_LOOPS: readonly Loop[] = [];

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
  /** The open ones, the first of which is the function, with the instructions before them. */
  const blocks: { readonly loop: Loop | undefined; readonly before: number }[] = [
    { loop: undefined, before: 0 },
  ];
  let instructions = 0;

  function open(isLoop: boolean): void {
    const takesValues = isLoop && instruction.index >= 0 && hasParams(instruction.index);
    const loop = isLoop ? { instructions: 0, firstMark: marks.length, endMark: 0, takesValues } : undefined;
    blocks.push({ loop, before: instructions - 1 });
  }

  function close(): void {
    const block = blocks.pop();
    if (block?.loop === undefined) return;
    block.loop.instructions = instructions - block.before;
    block.loop.endMark = marks.length;
  }

  function mark(loops: readonly Loop[]): void {
    const { opcode, offset: start, index } = instruction;
    marks.push({ opcode, start, end: reader.offset, depth: blocks.length - 1, index, loops, isLast: false });
  }

  function markBranch(labels: readonly number[]): void {
    const loops = labels.flatMap((label) => blocks.at(-1 - label)?.loop ?? []);
    if (loops.length > 0) mark(loops);
  }

  function readNext(): void {
    readInstruction(reader, instruction);
    instructions++;
    switch (instruction.opcode) {
      case OPCODE.block:
      case OPCODE.if:
        return open(false);
      case OPCODE.loop:
        return open(true);
      case OPCODE.end:
        return close();
      case OPCODE.branch:
      case OPCODE.branchIf:
        return markBranch([instruction.index]);
      case OPCODE.branchTable:
        return markBranch([...new Set(instruction.labels)]);
      case OPCODE.unreachable: {
        const last = marks.at(-1);
        if (last?.end === instruction.offset) last.isLast = last.opcode === OPCODE.call;
        return;
      }
      case OPCODE.return:
      case OPCODE.call:
      case OPCODE.callIndirect:
      case OPCODE.memoryGrow:
      case OPCODE.memoryInit:
      case OPCODE.memoryCopy:
      case OPCODE.memoryFill:
        return mark(NO_LOOPS);
    }
  }

  while (blocks.length > 0 && !reader.atEnd) readNext();
  if (blocks.length > 0 || !reader.atEnd) reader.fail('a function does not end where its code ends');
  return { marks, instructions, firstMark: 0, endMark: marks.length };
}
