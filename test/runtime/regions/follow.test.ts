import { describe, expect, test } from 'vitest';
import { VERDICT } from '../../../executor/verdict.ts';
import { EVENT } from '../../../runtime/contract.ts';
import { unseenSamplesMax } from '../../../runtime/limits.ts';
import { carriedPlan, createFrameTable } from './frame-samples.ts';

const { moved, busy } = VERDICT;
const { born, died, split, merged, scattered } = EVENT;

describe('a single folio that was moved', () => {
  test('keeps its index; its old frame is another region once it is looked at', () => {
    const { table, see } = createFrameTable();
    expect(see([7]).regions).toEqual([0]);
    table.follow(carriedPlan([0], [[0, 7, 1007]], [moved]));
    expect(see([1007])).toEqual({ regions: [0], events: [] });
    expect(see([7], [1007])).toEqual({ regions: [1, 0], events: [[born, 1, 0]] });
  });

  test('lives on unseen as long as a list may be old, and no longer', () => {
    const { table, see } = createFrameTable();
    see([7]);
    table.follow(carriedPlan([0], [[0, 7, 1007]], [moved]));
    for (let sample = 1; sample <= unseenSamplesMax; sample++) {
      // No region is at the old frame, although it is still listed.
      expect(see([7, 1, 'listed'])).toEqual({ regions: [table.regions], events: [] });
      expect(table.unseen).toEqual([{ region: 0, node: 1 }]);
    }
    expect(see([7, 1, 'listed']).events).toEqual([
      [born, 1, 0],
      [died, 0, 0],
    ]);
    expect(table.unseen).toEqual([]);
  });

  test('has to be shown again once it was looked at', () => {
    const { table, see } = createFrameTable();
    see([7]);
    table.follow(carriedPlan([0], [[0, 7, 1007]], [moved]));
    see([1007, 1, 'listed']);
    expect(see().events).toEqual([]);
    see([1007]);
    expect(see().events).toEqual([[died, 0, 0]]);
  });

  test('ends what was thought to be where it arrived', () => {
    const { table, see } = createFrameTable();
    see([7], [1007]);
    table.follow(carriedPlan([0], [[0, 7, 1007]], [moved]));
    expect(see([1007, 1, 'listed'])).toEqual({ regions: [0], events: [[died, 1, 0]] });
  });

  test('follows chains, and what was moved twice', () => {
    const { table, see } = createFrameTable();
    see([1], [2], [3]);
    const chain = carriedPlan(
      [0, 1, 2],
      [
        [1, 2, 1002],
        [0, 1, 2],
        [2, 3, 1003],
        [2, 1003, 1004],
      ],
      [moved, moved, moved],
    );
    table.follow(chain);
    expect(see([2], [1002], [1004])).toEqual({ regions: [0, 1, 2], events: [] });
  });

  test('ends where another arrived after it', () => {
    const { table, see } = createFrameTable();
    see([1], [2]);
    table.follow(
      carriedPlan(
        [0, 1],
        [
          [0, 1, 1001],
          [1, 2, 1001],
        ],
        [moved, moved],
      ),
    );
    expect(see([1001])).toEqual({ regions: [1], events: [[died, 0, 0]] });
  });

  test('becomes part of the block it arrived in, if that is told as one', () => {
    const { table, see } = createFrameTable();
    see([7], [1024, 512]);
    table.follow(carriedPlan([0], [[0, 7, 1024]], [moved]));
    expect(see([1024, 512, 'listed']).events).toEqual([]);
    expect(table.unseen).toEqual([{ region: 0, node: 1 }]);
    expect(see([1024, 512])).toEqual({ regions: [1], events: [[merged, 1, 0]] });
  });

  test('is itself again where that block is told folio by folio', () => {
    const { table, see } = createFrameTable();
    see([7], [1024, 512]);
    table.follow(carriedPlan([0], [[0, 7, 1024]], [moved]));
    expect(see([1024], [1030])).toEqual({
      regions: [0, 2],
      events: [
        [split, 1, 2],
        [died, 1, 0],
      ],
    });
  });

  test('takes regions along that its folio was thought to be', () => {
    const { table, see } = createFrameTable();
    see([512], [513], [600]);
    table.follow(carriedPlan([1], [[0, 512, 1024, 512]], [moved]));
    expect(see([1024], [1025], [1112])).toEqual({ regions: [0, 1, 2], events: [] });
  });

  test('nobody knows where after an answer was lost: it ends unless it is shown', () => {
    const { table, see } = createFrameTable();
    see([1], [2], [3]);
    table.follow(carriedPlan([2], [[0, 3, 1003]], [moved]));
    see([1], [2]);
    table.doubt(Uint32Array.of(0, 1, 2));
    expect(see([1], [1001])).toEqual({
      regions: [0, 3],
      events: [
        [died, 1, 0],
        [born, 3, 0],
        [died, 2, 0],
      ],
    });
  });
});

describe('a huge folio that was moved', () => {
  test('keeps its index if it arrived whole', () => {
    const { table, see } = createFrameTable();
    see([512, 512]);
    table.follow(carriedPlan([0], [[0, 512, 1024, 512]], [moved]));
    // Rows that nobody looked at are from before.
    expect(see([512, 512, 'listed'], [1030, 1, 'listed'])).toEqual({ regions: [1, 1], events: [] });
    expect(see([1024, 512])).toEqual({ regions: [0], events: [] });
  });

  test('ends if it was broken up on the way, and says where its parts are', () => {
    const { table, see } = createFrameTable();
    see([8, 2]);
    table.follow(
      carriedPlan(
        [0],
        [
          [0, 8, 1005],
          [0, 9, 1003],
        ],
        [moved],
      ),
    );
    expect(see([1003], [1005]).events).toEqual([
      [born, 1, 0],
      [born, 2, 0],
      [scattered, 1, 0],
      [scattered, 2, 0],
      [died, 0, 0],
    ]);
  });

  test('ends if a later move touched part of it', () => {
    const { table, see } = createFrameTable();
    see([8, 2]);
    table.follow(
      carriedPlan(
        [0],
        [
          [0, 8, 1008, 2],
          [0, 1009, 1020],
        ],
        [moved],
      ),
    );
    expect(see([1008], [1020]).events).toEqual([
      [died, 0, 0],
      [born, 1, 0],
      [born, 2, 0],
    ]);
  });
});

describe('a block of folios', () => {
  test('ends when all of it was moved, after those that received its contents are named', () => {
    const { table, see } = createFrameTable();
    see([512, 512], [1024, 512]);
    const moves = [
      [0, 514, 1030],
      [0, 520, 1031],
      [0, 700, 1536],
    ] as const;
    table.follow(carriedPlan([0], moves, [moved]));
    expect(see([512, 512, 'listed'], [1024, 512], [1536, 512])).toEqual({
      regions: [table.regions, 1, 2],
      events: [
        [born, 2, 0],
        [scattered, 1, 0],
        [scattered, 2, 0],
        [died, 0, 0],
      ],
    });
    expect(see([512, 512], [1024, 512], [1536, 512]).events).toEqual([[born, 0, 0]]);
  });

  test('lives on when part of it was moved: newborn receivers are split from it', () => {
    const { table, see } = createFrameTable();
    see([512, 512], [1024, 512]);
    const moves = [
      [0, 514, 1030],
      [0, 700, 1536],
    ] as const;
    table.follow(carriedPlan([0], moves, [busy]));
    expect(see([512, 512], [1024, 512], [1536])).toEqual({
      regions: [0, 1, 2],
      events: [
        [split, 0, 2],
        [scattered, 1, 0],
      ],
    });
  });

  test('that gave part away and was not found again ends after that is told', () => {
    const { table, see } = createFrameTable();
    see([512, 512], [1024, 512]);
    table.follow(carriedPlan([0], [[0, 514, 1030]], [busy]));
    expect(see([1024, 512]).events).toEqual([
      [scattered, 1, 0],
      [died, 0, 0],
    ]);
  });

  test('is split into its folios and merged again by the sensor', () => {
    const { see } = createFrameTable();
    see([512, 512]);
    expect(see([515], [519, 4])).toEqual({
      regions: [1, 2],
      events: [
        [split, 0, 1],
        [split, 0, 2],
        [died, 0, 0],
      ],
    });
    expect(see([512, 512])).toEqual({
      regions: [0],
      events: [
        [born, 0, 0],
        [merged, 0, 1],
        [merged, 0, 2],
      ],
    });
    expect(see([512], [519, 4])).toEqual({ regions: [0, 1], events: [[split, 0, 1]] });
  });
});
