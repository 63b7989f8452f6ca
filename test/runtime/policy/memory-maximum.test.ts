import { describe, expect, test } from 'vitest';
import { boundMemory } from '../../../runtime/policy/host/memory-maximum.ts';

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const moduleOf = (...memory: readonly number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([...HEADER, 1, 4, 1, 0x60, 0, 0, 5, memory.length, ...memory, 0, 2, 1, 97]);
const memoryOf = (module: Uint8Array | undefined): readonly number[] => [...(module ?? [])].slice(16, -4);

describe('the memory of a module, bounded', () => {
  test.each([
    ['without a maximum gets one', [1, 0, 2], [1, 1, 2, 200, 1]],
    ['with a larger maximum loses it', [1, 1, 2, 128, 128, 4], [1, 1, 2, 200, 1]],
    ['with a smaller maximum keeps it', [1, 1, 2, 9], [1, 1, 2, 9]],
    ['may start at its maximum', [1, 0, 200, 1], [1, 1, 200, 1, 200, 1]],
  ])('%s, all else untouched', (_, memory, bounded) => {
    const answer = boundMemory(moduleOf(...memory), 200);
    expect(memoryOf(answer)).toEqual(bounded);
    expect(answer).toEqual(moduleOf(...bounded));
  });

  test.each([
    ['none', [0]],
    ['two', [2, 0, 1, 0, 1]],
    ['one that starts above the bound', [1, 0, 201, 1]],
    ['a shared one', [1, 3, 1, 2]],
    ['a cut one', [1, 1, 2]],
  ])('is refused when there is %s', (_, memory) => {
    expect(boundMemory(moduleOf(...memory), 200)).toBeUndefined();
  });

  test('is refused when the module has no memory section, or two', () => {
    expect(boundMemory(Uint8Array.from(HEADER), 200)).toBeUndefined();
    expect(boundMemory(Uint8Array.from([...HEADER, 5, 3, 1, 0, 1, 5, 3, 1, 0, 1]), 200)).toBeUndefined();
  });
});
