/** Registers of BPF; R10 points past the stack and cannot be written. Documentation/bpf/standardization/instruction-set.rst. */
export const [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Operations on 64-bit registers, and comparisons for jumps: the high nibble of an opcode. */
const operations = {
  add: 0x00,
  subtract: 0x10,
  or: 0x40,
  and: 0x50,
  left: 0x60,
  right: 0x70,
  xor: 0xa0,
} as const;
const comparisons = {
  equal: 0x10,
  above: 0x20,
  atLeast: 0x30,
  not: 0x50,
  below: 0xa0,
  signedBelow: 0xc0,
} as const;
export type Operation = keyof typeof operations;
export type Comparison = keyof typeof comparisons;

const ALU64 = 0x07;
const JUMP = 0x05;
const MOVE = 0xb0;
const FROM_REGISTER = 0x08;
const LOAD = { word: 0x61, double: 0x79 } as const;
const STORE = { word: 0x63, double: 0x7b } as const;
const STORE_VALUE = 0x7a;
const WIDE = 0x18;
const CALL = 0x85;
const EXIT = 0x95;
/** What the source field of a wide load or a call names; include/uapi/linux/bpf.h. */
const PSEUDO = { none: 0, mapValue: 2, kernelFunction: 2, callback: 4 } as const;

/** A register, or a signed 32-bit number. */
export type Operand = { readonly register: Register } | number;

export function reg(register: Register): Operand {
  return { register };
}

/** Appends instructions; jumps go to labels, which may come later. Misuse is a bug and throws. */
export interface Assembler {
  move(to: Register, from: Operand): void;
  compute(operation: Operation, to: Register, by: Operand): void;
  /** A 64-bit constant. */
  constant(to: Register, value: bigint): void;
  /** The address of the value of an array map, plus an offset. */
  mapValue(to: Register, mapFd: number, offset: number): void;
  /** The address of a function of this program. */
  callback(to: Register, label: string): void;
  loadFrom(to: Register, from: Register, offset: number, size?: 'word' | 'double'): void;
  store(to: Register, offset: number, from: Register, size?: 'word' | 'double'): void;
  storeValue(to: Register, offset: number, value: number): void;
  jump(label: string): void;
  jumpIf(comparison: Comparison, left: Register, right: Operand, label: string): void;
  helper(number: number): void;
  kernelFunction(btfId: number): void;
  exit(): void;
  label(name: string): void;
  /** A label that nothing else has. */
  fresh(name: string): string;
  /** Instructions so far. */
  readonly length: number;
  /** Where a label stands, in instructions. */
  placeOf(label: string): number;
  finish(): Uint8Array;
}

export function createAssembler(): Assembler {
  /** Two words each: opcode, registers and offset; immediate. */
  const words: number[] = [];
  const places = new Map<string, number>();
  const jumps: { readonly at: number; readonly label: string; readonly isCallback: boolean }[] = [];
  let names = 0;

  function emit(opcode: number, to: number, from: number, offset: number, immediate: number): void {
    if (offset < -0x8000 || offset > 0x7fff) throw new Error(`offset ${offset} does not fit`);
    words.push((opcode | (to << 8) | (from << 12) | ((offset & 0xffff) << 16)) >>> 0, immediate >>> 0);
  }

  function emitOperand(opcode: number, to: Register, by: Operand, offset = 0): void {
    if (typeof by === 'number') emit(opcode, to, 0, offset, immediateOf(by));
    else emit(opcode | FROM_REGISTER, to, by.register, offset, 0);
  }

  function emitWide(to: Register, pseudo: number, low: number, high: number): void {
    emit(WIDE, to, pseudo, 0, low);
    emit(0, 0, 0, 0, high);
  }

  function remember(label: string, isCallback: boolean): void {
    jumps.push({ at: words.length / 2, label, isCallback });
  }

  function placeOf(label: string): number {
    const place = places.get(label);
    if (place === undefined) throw new Error(`no label ${label}`);
    return place;
  }

  return {
    move: (to, from) => emitOperand(ALU64 | MOVE, to, from),
    compute: (operation, to, by) => emitOperand(ALU64 | operations[operation], to, by),
    constant: (to, value) =>
      emitWide(to, PSEUDO.none, Number(value & 0xffff_ffffn), Number((value >> 32n) & 0xffff_ffffn)),
    mapValue: (to, mapFd, offset) => emitWide(to, PSEUDO.mapValue, mapFd, offset),
    callback(to, label) {
      remember(label, true);
      emitWide(to, PSEUDO.callback, 0, 0);
    },
    loadFrom: (to, from, offset, size = 'double') => emit(LOAD[size], to, from, offset, 0),
    store: (to, offset, from, size = 'double') => emit(STORE[size], to, from, offset, 0),
    storeValue: (to, offset, value) => emit(STORE_VALUE, to, 0, offset, immediateOf(value)),
    jump(label) {
      remember(label, false);
      emit(JUMP, 0, 0, 0, 0);
    },
    jumpIf(comparison, left, right, label) {
      remember(label, false);
      emitOperand(JUMP | comparisons[comparison], left, right);
    },
    helper: (number) => emit(CALL, 0, PSEUDO.none, 0, number),
    kernelFunction: (btfId) => emit(CALL, 0, PSEUDO.kernelFunction, 0, btfId),
    exit: () => emit(EXIT, 0, 0, 0, 0),
    label(name) {
      if (places.has(name)) throw new Error(`label ${name} stands twice`);
      places.set(name, words.length / 2);
    },
    fresh: (name) => `${name} ${names++}`,
    get length() {
      return words.length / 2;
    },
    placeOf,
    finish() {
      for (const { at, label, isCallback } of jumps) {
        const distance = placeOf(label) - at - 1;
        if (distance < -0x8000 || distance > 0x7fff) throw new Error(`${label} is too far`);
        if (isCallback) words[2 * at + 1] = distance >>> 0;
        else words[2 * at] = ((words[2 * at] & 0xffff) | ((distance & 0xffff) << 16)) >>> 0;
      }
      return new Uint8Array(Uint32Array.from(words).buffer);
    },
  };
}

function immediateOf(value: number): number {
  if (!Number.isInteger(value) || value < -(2 ** 31) || value >= 2 ** 32)
    throw new Error(`${value} is no immediate`);
  return value;
}
