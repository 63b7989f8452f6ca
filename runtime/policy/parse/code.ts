import { blockDepthMax, localsMax } from '../../limits.ts';
import type { BinaryReader } from './binary-reader.ts';
import { OPCODE, createInstruction, readInstruction } from './instructions.ts';
import { failIndex } from './spaces.ts';
import type { Spaces } from './spaces.ts';
import { readValueType } from './value-types.ts';

/** What a constant expression may consist of besides `global.get` and `ref.func`. */
const CONSTANT: ReadonlySet<string> = new Set(['i32', 'i64', 'bytes-4', 'bytes-8', 'reference-type']);
/** Vector constants, and the sums and products of integers that linkers write. */
const CONSTANT_OPCODES: ReadonlySet<number> = new Set([0xfd00c, 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);

export interface CodeWalk {
  /** Reads a function's locals and instructions to the end of `reader`. */
  checkBody(reader: BinaryReader, params: number): void;
  /** Reads the expression that gives a global, an element or an offset its value. */
  checkConstant(reader: BinaryReader): void;
}

/**
 * Reads a module's code: only instructions of the table, only indices that exist in `spaces`, blocks that end
 * where the body does. Operand types are V8's to check, in the host, before anything is rewritten.
 */
export function createCodeWalk(spaces: Spaces): CodeWalk {
  const instruction = createInstruction();
  /** The opcode of each open block but the function's own; `else` takes the place of its `if`. */
  const blocks: number[] = [];

  function checkBody(reader: BinaryReader, params: number): void {
    const locals = readLocals(reader, params);
    blocks.length = 0;
    for (let open = true; open;) {
      readInstruction(reader, instruction);
      checkIndices(reader, locals);
      open = followBlocks(reader);
      if (open && reader.atEnd)
        return reader.fail('a function ends within a block', undefined, reader.offset);
    }
    if (!reader.atEnd) reader.fail('a function goes on behind its end', undefined, reader.offset);
  }

  /** Whether the function is still open behind the instruction. */
  function followBlocks(reader: BinaryReader): boolean {
    const { opcode, offset } = instruction;
    switch (opcode) {
      case OPCODE.block:
      case OPCODE.loop:
      case OPCODE.if:
        blocks.push(opcode);
        if (blocks.length >= blockDepthMax)
          reader.fail(
            `a function nests more than ${blockDepthMax} blocks: split it`,
            'module-forbidden',
            offset,
          );
        return true;
      case OPCODE.else:
        if (blocks.pop() !== OPCODE.if) reader.fail('an else belongs to no if', undefined, offset);
        blocks.push(opcode);
        return true;
      case OPCODE.end:
        return blocks.pop() !== undefined;
      default:
        return true;
    }
  }

  function checkIndices(reader: BinaryReader, locals: number): void {
    const { index } = instruction;
    switch (instruction.immediate) {
      case 'local':
        return check(reader, 'local', index, locals);
      case 'label':
        return check(reader, 'label', index, blocks.length + 1);
      case 'access':
      case 'lane-access':
      case 'memory':
      case 'memory-copy':
        return check(reader, 'memory', 0, spaces.memories.length);
      case 'global':
        check(reader, 'global', index, spaces.globals.length);
        if (instruction.opcode === OPCODE.globalSet && spaces.globals[index]?.mutable === false)
          reader.fail('a function writes a global that is constant', undefined, instruction.offset);
        return;
      case 'function':
        return check(reader, 'function', index, spaces.functions.length);
      case 'block':
        return check(reader, 'type', index, spaces.types.length);
      case 'labels':
        return check(reader, 'label', greatest(instruction.labels), blocks.length + 1);
      case 'call-indirect':
        check(reader, 'type', index, spaces.types.length);
        return check(reader, 'table', instruction.second, spaces.tables.length);
      case 'table':
        return check(reader, 'table', index, spaces.tables.length);
      case 'memory-init':
        check(reader, 'data segment', index, spaces.dataCount ?? 0);
        return check(reader, 'memory', 0, spaces.memories.length);
      default:
    }
  }

  function check(reader: BinaryReader, what: string, named: number, count: number): void {
    if (named >= count) failIndex(reader, what, named, count, instruction.offset);
  }

  function checkConstant(reader: BinaryReader): void {
    while (!reader.atEnd) {
      readInstruction(reader, instruction);
      const { opcode, immediate, index, offset } = instruction;
      if (opcode === OPCODE.end) return;
      if (opcode === OPCODE.globalGet) {
        checkIndices(reader, 0);
        if (spaces.globals[index]?.mutable === true)
          reader.fail('a constant expression reads a mutable global', undefined, offset);
      } else if (opcode === OPCODE.refFunc) checkIndices(reader, 0);
      else if (!CONSTANT.has(immediate) && !CONSTANT_OPCODES.has(opcode))
        reader.fail('a constant expression does what only a function may', undefined, offset);
    }
    reader.fail('a constant expression has no end', undefined, reader.offset);
  }

  return { checkBody, checkConstant };
}

/** Answers how many there are, parameters first. */
function readLocals(reader: BinaryReader, params: number): number {
  let locals = params;
  for (let left = reader.count(); left > 0 && !reader.atEnd; left--) {
    locals += reader.u32();
    if (locals > localsMax)
      reader.fail(
        `a function has ${locals} locals; ${localsMax} are allowed: keep arrays in memory`,
        'module-forbidden',
      );
    readValueType(reader);
  }
  return locals;
}

function greatest(labels: readonly number[]): number {
  let most = 0;
  for (const label of labels) if (label > most) most = label;
  return most;
}
