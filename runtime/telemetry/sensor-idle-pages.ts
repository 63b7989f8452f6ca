import type { MemoryBlocks } from '../../executor/procfs/memory-blocks.ts';
import { SPACE } from '../../executor/plan.ts';
import { success, type Failure, type Result } from '../../executor/result.ts';
import { createRowBuilder } from './sample-rows.ts';
import { addRows } from './sensor-idle/add-rows.ts';
import { createBlockOrder, type BlockOrder } from './sensor-idle/block-order.ts';
import { createBlockRegions } from './sensor-idle/block-regions.ts';
import { createFrameClassifier } from './sensor-idle/classify-frames.ts';
import { isSameMemory, listFrameBlocks } from './sensor-idle/frame-blocks.ts';
import type { FrameMemory } from './sensor-idle/frame-memory.ts';
import { deriveLimits, type LookChoice } from './sensor-idle/idle-limits.ts';
import { DUE, renewWatch, type Ground } from './sensor-idle/renew-watch.ts';
import { clearWatch, createWatch, markWatch, readWatch, type Watch } from './sensor-idle/watch.ts';
import type { Sample, SourceFault, TelemetrySource } from './source.ts';

/** Up to 16 GiB all blocks are read once at the start, also where only a share of them is looked at. */
const KNOWN_AT_ONCE_BLOCKS_MAX = 8_192;

export interface IdlePageOptions extends LookChoice {
  readonly memory: FrameMemory;
  /** Node ids; undefined = all. */
  readonly nodes?: readonly number[];
  /** Accesses that a folio found not idle stands for; the kernel tells "accessed", not how often. */
  readonly samplingPeriod: number;
  readonly nowMs: () => number;
  /** Uniform in [0, 1). */
  readonly uniform: () => number;
}

/**
 * Accesses to physical memory from the kernel's idle page tracking: idle bits are set at the start of an epoch, and
 * a bit found clear at its end was an access. Regions are folios on an LRU list, or, on machines too large to list
 * them, aligned blocks of 2 MiB that are told folio by folio where hot and cold mix. `accesses` is 1 for a folio,
 * and the number of accessed folios for a block. `coverage` is 255 where the bits were set and read, 0 elsewhere.
 *
 * What it cannot see: accesses between reading the bits and setting them again; folios in the per-CPU batches on
 * their way to an LRU list; a frame that was freed and given to somebody else between two looks, which is still the
 * same region here. Kinds and sizes of idle folios are as old as the block's last reading: this epoch's where
 * regions are folios and every block is looked at, at most 8 epochs old where regions are blocks, and as old as the
 * last look where a share is looked at.
 *
 * Setting idle bits costs a walk to every mapping of a page. The kernel has one bit a page for everybody: whoever
 * else sets or reads it at the same time (DAMON's physical monitor, another sensor) makes pages look idle or
 * accessed, and nobody can tell. Source: Documentation/admin-guide/mm/idle_page_tracking.rst, mm/page_idle.c.
 */
export function createIdlePageSource(options: IdlePageOptions): TelemetrySource {
  const { memory, mode, samplingPeriod, nowMs } = options;
  const classifier = createFrameClassifier(memory);
  const rows = createRowBuilder();
  let known: (Ground & { readonly memory: MemoryBlocks; readonly order: BlockOrder }) | undefined;
  let watch = createWatch(0);
  let coming = createWatch(0);
  let isFirstLook = true;
  let lastMs = nowMs();

  async function next(): Promise<Result<Sample, SourceFault>> {
    const fault = look();
    if (fault) {
      // Nothing counts as looked at before the bits are set again.
      clearWatch(watch);
      return fault;
    }
    const now = nowMs();
    const lengthMs = now - lastMs;
    lastMs = now;
    return success({ lengthMs, samplingPeriod, space: SPACE.physical, owners: [], rows: rows.take() });
  }

  function look(): Failure<SourceFault> | undefined {
    const ground = adoptMemory();
    if (!ground.ok) return ground;
    const { blocks, regions } = ground.value;
    classifier.refresh(chooseDue(ground.value));
    const fault =
      readWatch(watch, blocks, memory) ??
      renewWatch(mode, ground.value, classifier, watch, coming) ??
      markWatch(coming, blocks, memory);
    if (fault) return fault;
    rows.clear();
    addRows(rows, blocks, regions, watch);
    swapWatches();
    isFirstLook = false;
    return undefined;
  }

  /** Hot-plug changes which blocks there are: those that stay keep what is known of them. */
  function adoptMemory(): Result<NonNullable<typeof known>, SourceFault> {
    const now = memory.blocks();
    if (!now.ok) return now;
    if (known && isSameMemory(known.memory, now.value)) return success(known);
    const blocks = listFrameBlocks(now.value, options.nodes);
    if (!blocks.ok) return blocks;
    const limits = deriveLimits(blocks.value.count, options);
    if (!limits.ok) return limits;
    const { count } = blocks.value;
    watch = createWatch(limits.value.watchedMax);
    coming = createWatch(limits.value.watchedMax);
    isFirstLook = true;
    known = {
      memory: now.value,
      blocks: blocks.value,
      limits: limits.value,
      regions: createBlockRegions(blocks.value, limits.value, known),
      order: createBlockOrder(count, options.uniform),
      due: new Uint8Array(count),
    };
    return success(known);
  }

  /** Answers whether all are. */
  function chooseDue({ blocks, limits, due, order }: NonNullable<typeof known>): boolean {
    const isAll = isFirstLook && (mode === 'full' || blocks.count <= KNOWN_AT_ONCE_BLOCKS_MAX);
    due.fill(isAll ? DUE.known : DUE.no);
    order.take(limits.chosen, (block) => (due[block] = DUE.watched));
    return isAll || limits.chosen === blocks.count;
  }

  function swapWatches(): void {
    const past: Watch = watch;
    watch = coming;
    coming = past;
  }

  return {
    next,
    async close() {
      memory.close();
    },
  };
}
