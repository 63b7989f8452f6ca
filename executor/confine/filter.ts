import { CALL_CLONE3, CALL_NUMBER_GAP, CALL_NUMBER_MAX } from './refused-calls.ts';
import { PRETENDED_CALLS, REFUSED_CALLS } from './refused-calls.ts';
import type { CheckedCall, Condition } from './checked-calls.ts';

/** One instruction of classic BPF: operation, jumps where it holds and where not, constant. */
type Instruction = readonly [operation: number, jumpTrue: number, jumpFalse: number, constant: number];

/** include/uapi/linux/{bpf_common,filter}.h */
const LOAD_WORD = 0x20;
const RETURN = 0x06;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_NOT_LESS = 0x35;
const JUMP_ANY_BIT = 0x45;

/** include/uapi/linux/seccomp.h; errno in the low half. */
const KILL_PROCESS = 0x8000_0000;
const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
/** No errno: the call answers 0 and does nothing. */
const PRETEND = 0x0005_0000;

/** AUDIT_ARCH_X86_64; calls of i386 (int 0x80) carry another, those of x32 a number beyond all others. */
const ARCHITECTURE = 0xc000_003e;
/** struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits. */
const AT = { number: 0, architecture: 4, arguments: 16 } as const;
const INSTRUCTION_BYTES = 8;

/**
 * The filter of a policy host, as instructions for seccomp(2): refused calls answer EPERM, what the kernel may
 * have beyond our knowledge ENOSYS, calls of another architecture end the process.
 */
export function assembleFilter(checked: readonly CheckedCall[]): Uint8Array {
  const instructions: Instruction[] = [
    [LOAD_WORD, 0, 0, AT.architecture],
    [JUMP_EQUAL, 1, 0, ARCHITECTURE],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD_WORD, 0, 0, AT.number],
    [JUMP_GREATER, 0, 1, CALL_NUMBER_MAX],
    [RETURN, 0, 0, ENOSYS],
    ...answerRange(CALL_NUMBER_GAP.first, CALL_NUMBER_GAP.last, ENOSYS),
    ...answerRange(CALL_CLONE3, CALL_CLONE3, ENOSYS),
    ...rangesOf([...REFUSED_CALLS.values()]).flatMap(([first, last]) => answerRange(first, last, EPERM)),
    ...Object.values(PRETENDED_CALLS).flatMap((number) => answerRange(number, number, PRETEND)),
    ...checked.flatMap(checkCall),
    [RETURN, 0, 0, ALLOW],
  ];
  return encode(instructions);
}

function answerRange(first: number, last: number, answer: number): Instruction[] {
  if (first === last)
    return [
      [JUMP_EQUAL, 0, 1, first],
      [RETURN, 0, 0, answer],
    ];
  return [
    [JUMP_NOT_LESS, 0, 2, first],
    [JUMP_GREATER, 1, 0, last],
    [RETURN, 0, 0, answer],
  ];
}

function rangesOf(numbers: readonly number[]): [first: number, last: number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range?.[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

function checkCall({ number, allowed }: CheckedCall): Instruction[] {
  const checks = allowed.flatMap(checkCondition);
  return [[JUMP_EQUAL, 0, checks.length + 1, number], ...checks, [RETURN, 0, 0, ALLOW]];
}

/** Falls through where the condition holds. */
function checkCondition({ argument, high, values, set, clear }: Condition): Instruction[] {
  const word = AT.arguments + 8 * argument + (high ? 4 : 0);
  const tests: Instruction[] = [];
  if (values !== undefined)
    tests.push(...values.map((value, i): Instruction => [JUMP_EQUAL, values.length - i, 0, value]), [
      RETURN,
      0,
      0,
      EPERM,
    ]);
  if (set !== undefined) tests.push([JUMP_ANY_BIT, 1, 0, set], [RETURN, 0, 0, EPERM]);
  if (clear !== undefined) tests.push([JUMP_ANY_BIT, 0, 1, clear], [RETURN, 0, 0, EPERM]);
  return [[LOAD_WORD, 0, 0, word], ...tests];
}

function encode(instructions: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(instructions.length * INSTRUCTION_BYTES));
  instructions.forEach(([operation, jumpTrue, jumpFalse, constant], i) => {
    const at = i * INSTRUCTION_BYTES;
    view.setUint16(at, operation, true);
    view.setUint8(at + 2, jumpTrue);
    view.setUint8(at + 3, jumpFalse);
    view.setUint32(at + 4, constant, true);
  });
  return new Uint8Array(view.buffer);
}
