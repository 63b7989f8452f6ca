import { expect, test } from 'vitest';
import { createFrameMoveTally, followFrames, toFrameMoves } from '../../executor/follow-frames.ts';
import type { Rows } from '../../executor/resolve.ts';

/** A folio of four pages, from frame 100 on node 1 to these frames on these nodes. */
function follow(to: readonly number[], after: readonly number[], before = [1, 1, 1, 1]) {
  const tally = createFrameMoveTally(1);
  const probe = { page: Float64Array.of(8, 9, 10, 11), from: Uint32Array.of(0, 4), single: false };
  followFrames(
    { entry: Uint32Array.of(7) } as Partial<Rows> as Rows,
    {
      ...{ asked: Uint32Array.of(0), probe, target: 0 },
      before: Int32Array.from(before),
      after: Int32Array.from(after),
      from: Float64Array.of(100, 101, 102, 103),
      to: Float64Array.from(to),
    },
    tally,
  );
  const { entry, from, to: arrived, pages } = toFrameMoves(tally);
  return Array.from(entry, (each, row) => [each, from[row], arrived[row], pages[row]]);
}

test('a folio that arrives whole is one move', () => {
  expect(follow([200, 201, 202, 203], [0, 0, 0, 0])).toEqual([[7, 100, 200, 4]]);
});

test('one that was split and arrived all the same is a move for each page', () => {
  expect(follow([200, 201, 300, 203], [0, 0, 0, 0])).toEqual([
    [7, 100, 200, 1],
    [7, 101, 201, 1],
    [7, 102, 300, 1],
    [7, 103, 203, 1],
  ]);
});

test('what stayed, was not there, went elsewhere or is gone is no move', () => {
  expect(follow([100, 201, 202, -1], [1, 0, 2, 0])).toEqual([[7, 101, 201, 1]]);
  expect(follow([200, 201, 202, 203], [0, 0, 0, 0], [0, -2, 1, 1])).toEqual([
    [7, 102, 202, 1],
    [7, 103, 203, 1],
  ]);
});
