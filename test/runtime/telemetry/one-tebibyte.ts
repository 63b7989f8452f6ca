import { FRAME_LOW } from '../../../executor/linux/frame-flags.ts';
import { success } from '../../../executor/result.ts';
import { encodeFrame } from '../../../executor/wire/frames.ts';
import { createRandom } from '../../../runtime/simulate/random.ts';
import { createIdlePageSource } from '../../../runtime/telemetry/sensor-idle-pages.ts';
import type { FrameMemory } from '../../../runtime/telemetry/sensor-idle/frame-memory.ts';

/**
 * A program of its own: a source over 1 TiB that exists only as a formula, each sample encoded as for the wire.
 * Prints regions at most, split blocks at most, and resident memory beyond that of the process before its first look.
 */
const MEMORY_BLOCKS = 8_192;
const PAGES_PER_MEMORY_BLOCK = 32_768;
const FRAMES = MEMORY_BLOCKS * PAGES_PER_MEMORY_BLOCK;
const MIB = 2 ** 20;

const epochs = Number(process.argv[2]);
const node = Int16Array.from({ length: MEMORY_BLOCKS }, (_, block) => block >> 11);
const PAGE = FRAME_LOW.lru | FRAME_LOW.anon;

/** A sixth is free, a third huge pages; of the others every other block is half hot. */
const kindOf = (block: number) => Math.imul(block, 0x9e37_79b1) >>> 29;
const isFree = (block: number) => kindOf(block) === 0;
const isHuge = (block: number) => kindOf(block) >= 5;
const isMixed = (block: number) => Math.imul(block, 0x85eb_ca6b) >>> 31 === 1;

const memory: FrameMemory = {
  blocks: () => success({ pagesPerBlock: PAGES_PER_MEMORY_BLOCK, node }),
  cgroups: () => undefined,
  readIdle(first, lanes) {
    for (let lane = 0; lane < lanes.length; lane++)
      lanes[lane] = isMixed((first >>> 3) + (lane >>> 4)) && lane & 1 ? 0 : 0xffff_ffff;
    return success(lanes.length / 2);
  },
  markIdle: (_, lanes) => success(lanes.length / 2),
  readFlags(first, lanes) {
    const count = Math.min(lanes.length / 2, FRAMES - first);
    for (let at = 0; at < count; at++) {
      const block = (first + at) >>> 9;
      const isHead = ((first + at) & 511) === 0;
      const huge = isHead ? PAGE | FRAME_LOW.head : FRAME_LOW.tail;
      lanes[2 * at] = isFree(block) ? FRAME_LOW.buddy : isHuge(block) ? huge : PAGE;
      lanes[2 * at + 1] = 0;
    }
    return success(count);
  },
  readCgroups: () => success(0),
  close() {},
};

const source = createIdlePageSource({
  ...{ memory, mode: 'sampled', samplingShare: 0.02, samplingPeriod: 1, nowMs: () => performance.now() },
  uniform: createRandom(1).uniform,
});
const bareBytes = process.memoryUsage.rss();
let regionsMax = 0;
let foliosMax = 0;
let bytesMax = 0;
let spare: ArrayBufferLike = new ArrayBuffer(0);
for (let epoch = 0; epoch < epochs; epoch++) {
  const sample = await source.next();
  if (!sample.ok) throw new Error(sample.message);
  const { pages } = sample.value.rows;
  regionsMax = Math.max(regionsMax, pages.length);
  foliosMax = Math.max(
    foliosMax,
    pages.reduce((sum, size) => sum + Number(size === 1), 0),
  );
  const frame = encodeFrame({ id: epoch, ok: true, value: sample.value }, undefined, spare);
  if (!frame.ok) throw new Error(frame.message);
  spare = frame.value.buffer;
  bytesMax = Math.max(bytesMax, process.memoryUsage.rss() - bareBytes);
}
process.stdout.write(`${JSON.stringify({ regionsMax, foliosMax, mebibytesMax: bytesMax / MIB })}\n`);
