import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openFrameFiles } from '../../runtime/telemetry/sensor-idle/frame-files.ts';
import type { FrameBlocks } from '../../runtime/telemetry/sensor-idle/frame-blocks.ts';
import { createWatch, markWatch, readWatch, watchBlock } from '../../runtime/telemetry/sensor-idle/watch.ts';
import { threadNs } from './thread-time.ts';
import { besideC, comparePairs, type PairFigures } from './twin.ts';

const FRAMES_PER_BLOCK = 512;
/** 32 GiB. */
const blocks = 16_384;
const rounds = { rounds: 60, warmUpRounds: 10 };

export interface IdlePageFigures {
  readonly blocks: number;
  /** All blocks; then runs of seven, as where every eighth is free. Per pass. */
  readonly dense: PairFigures;
  readonly gaps: PairFigures;
}

/**
 * One pass of reading idle bits and setting them again, on a plain file of the kernel's layout beside C. The kernel
 * itself adds a walk to the mappings of every page, on both sides.
 */
export function benchIdlePages(): Promise<IdlePageFigures> {
  return besideC('idle-pages', async (folder) => {
    const bitmap = join(folder.path, 'sys/kernel/mm/page_idle/bitmap');
    mkdirSync(dirname(bitmap), { recursive: true });
    mkdirSync(join(folder.path, 'proc'));
    writeFileSync(bitmap, new Uint8Array((blocks * FRAMES_PER_BLOCK) / 8));
    writeFileSync(join(folder.path, 'proc/kpageflags'), '');
    const bench = (stride: number) =>
      comparePairs(
        preparePass(folder.path, stride),
        folder.start(bitmap, String(blocks), String(stride)),
        rounds,
      );
    return { blocks, dense: await bench(1), gaps: await bench(8) };
  });
}

/** Of every `stride` blocks all but the last are watched. */
function preparePass(root: string, stride: number): () => number {
  const memory = openFrameFiles(root);
  if (!memory.ok) throw new Error(memory.message);
  const first = Float64Array.from({ length: blocks }, (_, block) => block * FRAMES_PER_BLOCK);
  const all: FrameBlocks = { count: blocks, first, node: new Uint8Array(blocks) };
  const watch = createWatch(blocks);
  for (let block = 0; block < blocks; block++)
    if (stride === 1 || block % stride !== stride - 1) watchBlock(watch, all, block);
  watch.marked.fill(0xffff_ffff);
  watch.idle.fill(0);
  return () => {
    const start = threadNs();
    const fault = readWatch(watch, all, memory.value) ?? markWatch(watch, all, memory.value);
    if (fault) throw new Error(fault.message);
    return threadNs() - start;
  };
}
