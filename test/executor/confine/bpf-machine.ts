/** What a program of classic BPF answers to a system call; Documentation/networking/filter.rst, read afresh. */
export interface SystemCall {
  readonly number: number;
  readonly architecture?: number;
  readonly arguments?: readonly bigint[];
}

export const X86_64 = 0xc000_003e;
const WORDS = 16;

/** Throws where the program leaves its own text, loads what is not there or does not end. */
export function runFilter(program: Uint8Array, call: SystemCall): number {
  const text = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = new DataView(new ArrayBuffer(4 * WORDS));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.architecture ?? X86_64, true);
  call.arguments?.forEach((value, i) => data.setBigUint64(16 + 8 * i, BigInt.asUintN(64, value), true));
  let accumulator = 0;
  for (let at = 0; at * 8 < program.length; at++) {
    const operation = text.getUint16(at * 8, true);
    const [jumpTrue, jumpFalse] = [text.getUint8(at * 8 + 2), text.getUint8(at * 8 + 3)];
    const constant = text.getUint32(at * 8 + 4, true);
    if (operation === 0x06) return constant;
    if (operation === 0x20) accumulator = data.getUint32(constant, true);
    else at += holds(operation, accumulator, constant) ? jumpTrue : jumpFalse;
  }
  throw new Error('the filter ran off its end');
}

function holds(operation: number, accumulator: number, constant: number): boolean {
  if (operation === 0x15) return accumulator === constant;
  if (operation === 0x25) return accumulator > constant;
  if (operation === 0x35) return accumulator >= constant;
  if (operation === 0x45) return (accumulator & constant) !== 0;
  throw new Error(`operation ${operation} is none of this filter's`);
}
