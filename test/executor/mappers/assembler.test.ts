import { describe, expect, test } from 'vitest';
import {
  createAssembler,
  R0,
  R1,
  R10,
  R2,
  R6,
  R9,
  reg,
  type Assembler,
} from '../../../executor/linux/bpf/assembler.ts';

function encode(write: (asm: Assembler) => void): string[] {
  const asm = createAssembler();
  write(asm);
  return Buffer.from(asm.finish()).toString('hex').match(/.{16}/g) ?? [];
}

/** Opcode, registers (source high), offset, immediate, as instruction-set.rst lays them out. */
describe('instructions', () => {
  test.each<[string, (asm: Assembler) => void, string[]]>([
    ['r6 = r1', (asm) => asm.move(R6, reg(R1)), ['bf16000000000000']],
    ['r1 = -1', (asm) => asm.move(R1, -1), ['b7010000ffffffff']],
    ['r1 += 8', (asm) => asm.compute('add', R1, 8), ['0701000008000000']],
    ['r1 -= r2', (asm) => asm.compute('subtract', R1, reg(R2)), ['1f21000000000000']],
    ['r1 |= r2', (asm) => asm.compute('or', R1, reg(R2)), ['4f21000000000000']],
    ['r1 &= 511', (asm) => asm.compute('and', R1, 511), ['57010000ff010000']],
    ['r1 <<= 3', (asm) => asm.compute('left', R1, 3), ['6701000003000000']],
    ['r1 >>= r2', (asm) => asm.compute('right', R1, reg(R2)), ['7f21000000000000']],
    ['r1 ^= -1', (asm) => asm.compute('xor', R1, -1), ['a7010000ffffffff']],
    [
      'r1 = 0x123456789abcdef0 ll',
      (asm) => asm.constant(R1, 0x1234_5678_9abc_def0n),
      ['18010000f0debc9a', '0000000078563412'],
    ],
    ['r9 = map value', (asm) => asm.mapValue(R9, 5, 16), ['1829000005000000', '0000000010000000']],
    ['r1 = *(u64 *)(r10 - 8)', (asm) => asm.loadFrom(R1, R10, -8), ['79a1f8ff00000000']],
    ['r1 = *(u32 *)(r0 + 4)', (asm) => asm.loadFrom(R1, R0, 4, 'word'), ['6101040000000000']],
    ['*(u64 *)(r9 + 24) = r1', (asm) => asm.store(R9, 24, R1), ['7b19180000000000']],
    ['*(u32 *)(r9 + 24) = r1', (asm) => asm.store(R9, 24, R1, 'word'), ['6319180000000000']],
    ['*(u64 *)(r9 + 8) = 1', (asm) => asm.storeValue(R9, 8, 1), ['7a09080001000000']],
    ['call helper 181', (asm) => asm.helper(181), ['85000000b5000000']],
    ['call kernel function 65477', (asm) => asm.kernelFunction(65_477), ['85200000c5ff0000']],
    ['exit', (asm) => asm.exit(), ['9500000000000000']],
  ])('%s', (_, write, expected) => {
    expect(encode(write)).toEqual(expected);
  });

  test.each([
    ['equal', '15', '1d'],
    ['above', '25', '2d'],
    ['atLeast', '35', '3d'],
    ['not', '55', '5d'],
    ['below', 'a5', 'ad'],
  ] as const)('a jump if %s', (comparison, byValue, byRegister) => {
    const write = (asm: Assembler): void => {
      asm.jumpIf(comparison, R1, 7, 'there');
      asm.jumpIf(comparison, R1, reg(R2), 'there');
      asm.label('there');
    };
    expect(encode(write)).toEqual([`${byValue}01010007000000`, `${byRegister}21000000000000`]);
  });

  test('jumps go back and forth, and a callback is told by its distance', () => {
    const write = (asm: Assembler): void => {
      asm.label('start');
      asm.callback(R2, 'step');
      asm.jump('start');
      asm.jump('step');
      asm.label('step');
    };
    expect(encode(write)).toEqual([
      '1842000003000000',
      '0000000000000000',
      '0500fdff00000000',
      '0500000000000000',
    ]);
  });

  test('misuse is a bug and says so', () => {
    expect(() => encode((asm) => asm.jump('nowhere'))).toThrow('no label nowhere');
    expect(() => encode((asm) => asm.loadFrom(R1, R0, 0x8000))).toThrow('does not fit');
    expect(() => encode((asm) => asm.move(R1, 1.5))).toThrow('no immediate');
    expect(() =>
      encode((asm) => {
        asm.label('a');
        asm.label('a');
      }),
    ).toThrow('stands twice');
  });
});
