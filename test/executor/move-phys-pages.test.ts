import { expect, test } from 'vitest';
import { writeAddresses } from '../../executor/linux/call-arrays.ts';
import { FRAME_END, openFrameMover, SYSCALL_NUMBERS } from '../../executor/linux/move-phys-pages.ts';

const { first, last } = SYSCALL_NUMBERS;

// What lies within the range is only ever called on the lab's own kernel, where it is known to be the right one.
test.each([0, 279, 462, first - 1, last + 1, 547, 480.5, -1, NaN, Infinity])(
  'number %d is never called',
  (number) => {
    expect(openFrameMover(number, () => 0)).toMatchObject({ ok: false, code: 'syscall-number-refused' });
  },
);

test('frames become addresses of 64 bits in two lanes', () => {
  const frames = Float64Array.of(0, 1, 2 ** 20 - 1, 2 ** 20, 0x1_2345_6789, FRAME_END - 1);
  const lanes = new Uint32Array(2 * frames.length);
  expect(writeAddresses(frames, FRAME_END, lanes)).toBe(true);
  const addresses = [...new BigUint64Array(lanes.buffer)];
  expect(addresses).toEqual([...frames].map((frame) => BigInt(frame) * 4096n));
});

test.each([FRAME_END, -1, NaN, Infinity])('frame %d has no address', (frame) => {
  expect(writeAddresses(Float64Array.of(1, frame), FRAME_END, new Uint32Array(4))).toBe(false);
});
