import { describe, expect, test } from 'vitest';
import { createBucket } from '../../../runtime/quota/bucket.ts';

const PAGE = 4096;

function create(pagesPerSecond: number) {
  const clock = { ms: 0 };
  return { clock, bucket: createBucket(pagesPerSecond * PAGE, () => clock.ms) };
}

function spend({ bucket }: ReturnType<typeof create>, pages: number, moved = pages): void {
  bucket.reserve(pages);
  bucket.settle(pages, moved);
}

describe('a bucket', () => {
  test('is full at first, refills by the clock, and never holds more than a second’s worth', () => {
    const it = create(1000);
    expect(it.bucket.leftPages()).toBe(1000);
    spend(it, 1000);
    expect(it.bucket.leftPages()).toBe(0);
    it.clock.ms = 250;
    expect(it.bucket.leftPages()).toBe(250);
    it.clock.ms = 60_000;
    expect(it.bucket.leftPages()).toBe(1000);
  });

  test('saves up for one huge page where the rate is lower', () => {
    const it = create(1);
    expect(it.bucket.leftPages()).toBe(512);
    spend(it, 512);
    it.clock.ms = 511_000;
    expect(it.bucket.leftPages()).toBe(511);
    it.clock.ms = 900_000;
    expect(it.bucket.leftPages()).toBe(512);
  });

  test('what is under way is set aside; only what moved is charged', () => {
    const it = create(1000);
    it.bucket.reserve(600);
    expect(it.bucket.leftPages()).toBe(400);
    it.bucket.settle(600, 100);
    expect(it.bucket.leftPages()).toBe(900);
  });

  test('more may move than was set aside: that is a debt', () => {
    const it = create(1000);
    spend(it, 1000, 1500);
    expect(it.bucket.leftPages()).toBe(0);
    it.clock.ms = 600;
    expect(it.bucket.leftPages()).toBe(100);
  });

  test('a new rate holds from now on, not for the time before', () => {
    const it = create(1000);
    spend(it, 1000);
    it.clock.ms = 100;
    it.bucket.setBytesPerSecond(4000 * PAGE);
    expect(it.bucket.leftPages()).toBe(100);
    it.clock.ms = 200;
    expect(it.bucket.leftPages()).toBe(500);
    it.clock.ms = 2000;
    it.bucket.setBytesPerSecond(600 * PAGE);
    expect(it.bucket.leftPages()).toBe(600);
    expect(it.bucket.bytesPerSecond()).toBe(600 * PAGE);
  });

  test('a clock that goes backwards gains nothing', () => {
    const it = create(1000);
    spend(it, 1000);
    it.clock.ms = -5000;
    expect(it.bucket.leftPages()).toBe(0);
  });
});
