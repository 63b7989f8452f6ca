import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../../executor/wire/frames.ts';
import { REGION_FLAG } from '../../../runtime/contract.ts';
import { sampledRegionsMax, watchedBlocksMax } from '../../../runtime/limits.ts';
import { createRowBuilder } from '../../../runtime/telemetry/sample-rows.ts';
import {
  createBlockRegions,
  MIXED_LOOKS_TO_SPLIT,
  MIXED_PER,
  UNIFORM_LOOKS_TO_MERGE,
  type RegionLimits,
} from '../../../runtime/telemetry/sensor-idle/block-regions.ts';
import type { BlockMasks } from '../../../runtime/telemetry/sensor-idle/classify-frames.ts';
import type { FrameBlocks } from '../../../runtime/telemetry/sensor-idle/frame-blocks.ts';
import { deriveLimits } from '../../../runtime/telemetry/sensor-idle/idle-limits.ts';
import { createIdlePageSource } from '../../../runtime/telemetry/sensor-idle-pages.ts';
import { createFrameMachine } from './frame-machine.ts';

const loose: RegionLimits = { extraMax: 10_000, splitsMax: 100, splitAlways: false };

function blocksOf(count: number, from = 0): FrameBlocks {
  const first = Float64Array.from({ length: count }, (_, at) => (from + at) * 512);
  return { count, first, node: new Uint8Array(count) };
}

/** The first `heads` frames, each a folio of its own. */
function masksOf(heads: number, tails = 0): BlockMasks {
  const lanes = (bits: number, from = 0) =>
    Uint32Array.from({ length: 16 }, (_, lane) => {
      let word = 0;
      for (let bit = 0; bit < 32; bit++) {
        const at = lane * 32 + bit - from;
        if (at >= 0 && at < bits) word |= 1 << bit;
      }
      return word;
    });
  return { heads: lanes(heads), tails: lanes(tails, heads), file: lanes(heads), fixed: lanes(0) };
}

describe('a block', () => {
  test('is split after several mixed looks and merged after several uniform ones', () => {
    const regions = createBlockRegions(blocksOf(2), loose);
    regions.update(0, masksOf(100));
    regions.update(1, masksOf(100));
    expect(regions.count).toBe(2);
    for (let look = 1; look < MIXED_LOOKS_TO_SPLIT; look++) expect(regions.settle(0, 100, 50)).toBe(false);
    expect(regions.isUndecided(0)).toBe(true);
    expect(regions.settle(0, 100, 50)).toBe(true);
    expect(regions.split(0, masksOf(100))).toBe(true);
    expect(regions.count).toBe(101);
    for (let look = 1; look < UNIFORM_LOOKS_TO_MERGE; look++) regions.settle(0, 100, 100);
    expect(regions.slot[0]).toBeGreaterThanOrEqual(0);
    regions.settle(0, 100, 0);
    expect(regions.slot[0]).toBe(-1);
    expect(regions.count).toBe(2);
  });

  test('a uniform look between mixed ones starts over', () => {
    const regions = createBlockRegions(blocksOf(1), loose);
    regions.update(0, masksOf(100));
    const answers = [50, 50, 0, 50, 50, 50].map((accessed) => regions.settle(0, 100, accessed));
    expect(answers).toEqual([false, false, false, false, false, true]);
  });

  test.each([
    [MIXED_PER * 4, 4, true],
    [MIXED_PER * 4, 3, false],
    [MIXED_PER * 4, MIXED_PER * 4 - 4, true],
    [MIXED_PER * 4, MIXED_PER * 4 - 3, false],
    [1, 1, false],
  ])('of %i folios with %i accessed: mixed %s', (looked, accessed, isMixed) => {
    const regions = createBlockRegions(blocksOf(1), loose);
    regions.update(0, masksOf(looked));
    regions.settle(0, looked, accessed);
    expect(regions.isUndecided(0)).toBe(isMixed);
  });

  test('is split only where there is room, and merged when its folios outgrow the room', () => {
    const regions = createBlockRegions(blocksOf(3), { ...loose, extraMax: 150 });
    for (const block of [0, 1, 2]) regions.update(block, masksOf(100));
    expect(regions.split(0, masksOf(100))).toBe(true);
    expect(regions.split(1, masksOf(100))).toBe(false);
    regions.update(1, masksOf(52));
    expect(regions.split(1, masksOf(52))).toBe(true);
    expect(regions.count).toBe(100 + 52 + 1);
    regions.update(1, masksOf(53));
    expect(regions.slot[1]).toBe(-1);
    expect(regions.count).toBe(100 + 1 + 1);
  });

  test('is split only while there are slots', () => {
    const regions = createBlockRegions(blocksOf(3), { ...loose, splitsMax: 2 });
    for (const block of [0, 1, 2]) regions.update(block, masksOf(2));
    expect([0, 1, 2].map((block) => regions.split(block, masksOf(2)))).toEqual([true, true, false]);
    regions.update(0, masksOf(0));
    expect(regions.split(2, masksOf(2))).toBe(true);
    expect(regions.split(0, masksOf(0))).toBe(false);
  });

  test('has the flags that all its folios have', () => {
    const regions = createBlockRegions(blocksOf(2), loose);
    regions.update(0, masksOf(1, 511));
    expect(regions.flags[0]).toBe(REGION_FLAG.huge | REGION_FLAG.file);
    regions.update(1, { ...masksOf(3), file: masksOf(2).file });
    expect(regions.flags[1]).toBe(0);
  });

  test('that stays keeps what is known of it when memory comes and goes', () => {
    const before = { blocks: blocksOf(4), regions: createBlockRegions(blocksOf(4), loose) };
    for (const block of [0, 1, 3]) before.regions.update(block, masksOf(10 + block));
    before.regions.split(3, masksOf(13));
    const regions = createBlockRegions(blocksOf(4, 1), loose, before);
    expect([...regions.folios]).toEqual([11, 0, 13, 0]);
    expect(regions.count).toBe(1 + 13);
    const at = 16 * (regions.slot[2] as number);
    expect(regions.heads.subarray(at, at + 16)).toEqual(masksOf(13).heads);
  });
});

test('a source in blocks tells 512 pages each, then the folios of the mixed one, then blocks again', async () => {
  const machine = createFrameMachine([0]);
  const heads = Array.from({ length: 1_024 }, (_, head) => head);
  for (const head of heads) machine.bear({ head, pages: 1, file: false, fixed: false, cgroup: 1 });
  const source = createIdlePageSource({
    ...{ memory: machine, mode: 'full', samplingShare: 1, regions: 'blocks', samplingPeriod: 1 },
    ...{ nowMs: () => 0, uniform: () => 0 },
  });
  const look = async (touched: readonly number[]) => {
    touched.forEach((head) => machine.touch(head));
    const sample = await source.next();
    if (!sample.ok) throw new Error(sample.message);
    const { pageNumber, pages, accesses, coverage } = sample.value.rows;
    return Array.from(pageNumber, (frame, row) => [frame, pages[row], accesses[row], coverage[row]]);
  };
  const hot = heads.slice(0, 100);
  expect(await look([])).toEqual([
    [0, 512, 0, 0],
    [512, 512, 0, 0],
  ]);
  for (let epoch = 1; epoch < MIXED_LOOKS_TO_SPLIT; epoch++)
    expect(await look(hot)).toEqual([
      [0, 512, 100, 255],
      [512, 512, 0, 255],
    ]);
  expect(await look(hot)).toEqual([
    ...heads.slice(0, 512).map((head) => [head, 1, head < 100 ? 1 : 0, 255]),
    [512, 512, 0, 255],
  ]);
  for (let epoch = 1; epoch < UNIFORM_LOOKS_TO_MERGE; epoch++) expect(await look([])).toHaveLength(513);
  expect(await look([])).toHaveLength(2);
});

describe('limits', () => {
  const full = { mode: 'full', samplingShare: 1 } as const;
  const sampled = (samplingShare: number) => ({ mode: 'sampled', samplingShare }) as const;
  const tib = 524_288;

  test('1 TiB: at most 600,000 regions', () => {
    const limits = deriveLimits(tib, sampled(0.01));
    if (!limits.ok) throw new Error(limits.message);
    expect(tib + limits.value.extraMax).toBeLessThanOrEqual(600_000);
  });

  test('4 GiB are told by folio, more by block, unless asked otherwise', () => {
    const isByFolio = (blocks: number, regions?: 'folios' | 'blocks') => {
      const limits = deriveLimits(blocks, { ...full, ...(regions && { regions }) });
      return limits.ok && limits.value.splitAlways;
    };
    expect([isByFolio(2_048), isByFolio(2_049)]).toEqual([true, false]);
    expect([isByFolio(2_048, 'blocks'), isByFolio(2_049, 'folios')]).toEqual([false, true]);
  });

  test('on what is looked at in an epoch', () => {
    expect(deriveLimits(watchedBlocksMax, full).ok).toBe(true);
    expect(deriveLimits(watchedBlocksMax + 1, full)).toMatchObject({ code: 'too-many-regions' });
    expect(deriveLimits(tib, sampled(watchedBlocksMax / tib)).ok).toBe(true);
    expect(deriveLimits(tib, sampled((watchedBlocksMax + 1) / tib))).toMatchObject({ ok: false });
  });

  test('on regions: what a frame of the wire holds', () => {
    const blocks = Math.floor((sampledRegionsMax * 8) / 9);
    expect(deriveLimits(blocks, sampled(0.01)).ok).toBe(true);
    expect(deriveLimits(blocks + 1, sampled(0.01))).toMatchObject({ code: 'too-many-regions' });
    const rows = createRowBuilder();
    rows.reserve(sampledRegionsMax);
    for (let row = 0; row < sampledRegionsMax; row++) rows.add(0, row, 1, 0, 1, 0, 0, 255);
    const value = { lengthMs: 1, samplingPeriod: 1, space: 1, owners: [], rows: rows.take() };
    expect(encodeFrame({ id: 1, ok: true, value }).ok).toBe(true);
  });
});
