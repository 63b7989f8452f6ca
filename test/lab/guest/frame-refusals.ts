import type { FrameCase } from './frame-moves.ts';
import { SEED, SOURCE, TARGET } from './frame-moves.ts';
import { viewFrames } from './frame-comparison.ts';
import { framesOfMemory, wishFrames } from './frame-wish.ts';
import { FRAME_BIT, findFrame } from './frames.ts';
import { blocksOfNode, firstFrameOfBlock, setBlock } from './memory-blocks.ts';
import type { KindsProcess, Memory } from './memory.ts';
import { migratedPages } from './truth.ts';
import { keepOnFirstCpu } from './workload.ts';

/** Nobody has memory there, so its free frames stay free, and its blocks can be unplugged. */
const EMPTY = 3;

const unmap = ({ process, page, pages }: Memory): Promise<string[]> =>
  process.workload.ask(`unmap ${page * 4096} ${pages}`);

/** Pages of a file: mapped by one process they move, mapped by nobody they are nobody's to name. */
export const pageCache: FrameCase = async (context) => {
  const path = '/dev/shm/cached';
  const process = await context.start();
  const memory = await process.mapFile(path, 64, SOURCE);
  await context.compare('cacheMapped', [memory], wishFrames(memory, TARGET));

  const wishes = wishFrames(memory, SOURCE);
  const before = await viewFrames([memory]);
  await unmap(memory);
  const outcome = await context.submit(wishes, { leave: 'lenient' });
  await process.workload.ask(`show ${memory.page * 4096} ${memory.pages} ${path}`);
  context.judge('cacheUnmapped', outcome, wishes, before, await viewFrames([memory]));
};

/** Frames given up between telemetry and plan, and not taken since. */
export const freed: FrameCase = async (context) => {
  const memory = await (await context.start()).map('plain', 2048, SOURCE);
  const wishes = wishFrames(memory, TARGET);
  await unmap(memory);
  const outcome = await context.submit(wishes, { leave: 'lenient' });
  context.judge('freed', outcome, wishes, new Map(), new Map());
};

/** Frames that somebody else has by now: what a stranger holds stays, what the scope holds goes where it was sent. */
export const reused: FrameCase = async (context) => {
  const first = await context.start();
  const stranger = await context.start('/elsewhere');
  const successor = await context.start();
  for (const { owner } of [first, stranger, successor]) keepOnFirstCpu(owner.pid);
  const memory = await first.map('plain', 4096, SOURCE);
  const wishes = wishFrames(memory, TARGET);
  await unmap(memory);
  const memories: Memory[] = [];
  for (const process of [stranger, successor, stranger, successor] as KindsProcess[])
    memories.push(await process.map('plain', 1024, SOURCE));
  await context.compare('reused', memories, wishes, { leave: 'lenient' });
};

/** Frames that are nobody's memory: free, the kernel's, the zero page, beyond all memory. */
export const nobody: FrameCase = async (context) => {
  const zero = await (await context.start()).map('zero', 1, SOURCE);
  const frames = [
    findFrame(EMPTY, FRAME_BIT.buddy),
    findFrame(0, FRAME_BIT.slab),
    framesOfMemory(zero)[0] || findFrame(0, FRAME_BIT.zero),
    2 ** 30,
  ];
  const wishes = frames.map((frame) => ({ frame, pages: 1, target: TARGET }));
  const migratedBefore = migratedPages();
  const outcome = await context.submit(wishes, { leave: 'lenient' });
  context.judge('nobody', outcome, wishes, new Map(), new Map());
  context.report.fact('nobody.migratedBeyond', migratedPages() - migratedBefore);
};

/** A frame that broke with its contents, and one whose contents were taken elsewhere in time. */
export const poisoned: FrameCase = async (context) => {
  const { workload, ...process } = await context.start();
  const memory = await process.map('plain', 64, SOURCE);
  await memory.stamp(SEED);
  const wishes = wishFrames(memory, TARGET);
  await workload.ask(`poison ${(memory.page + 8) * 4096}`);
  await workload.ask(`retire ${(memory.page + 16) * 4096}`);
  const before = await viewFrames([memory]);
  const outcome = await context.submit(wishes, { leave: 'lenient' });
  context.judge('poisoned', outcome, wishes, before, await viewFrames([memory]));
  const beyond = `${(memory.page + 9) * 4096} ${64 - 9} ${SEED + 9 * 512}`;
  context.report.fact('poisoned.badPages', Number((await workload.ask(`verify ${beyond}`))[0]));
};

/** A block of memory that was taken away before the plan was made. */
export const offline: FrameCase = async (context) => {
  const block = blocksOfNode(EMPTY).at(-1) as number;
  setBlock(block, 'offline');
  const first = firstFrameOfBlock(block);
  const wishes = [0, 1, 512].map((at) => ({
    frame: first + at,
    pages: at === 512 ? 512 : 1,
    target: TARGET,
  }));
  const outcome = await context.submit(wishes, { leave: 'lenient' });
  context.judge('offline', outcome, wishes, new Map(), new Map());
  setBlock(block, 'online_movable');
};

/** A node that goes between budgets and plan: nothing of the plan happens; the next one knows. */
export const unplugged: FrameCase = async (context) => {
  const memory = await (await context.start()).map('plain', 64, SOURCE);
  const blocks = blocksOfNode(EMPTY);
  const wishes = wishFrames(memory, TARGET);
  const migratedBefore = migratedPages();
  const outcome = await context.submitAfter(wishes, () => {
    for (const block of blocks) setBlock(block, 'offline');
  });
  context.report.fact('unplugged.stale', !outcome.ok && outcome.code === 'stale-topology' ? 1 : 0);
  context.report.fact('unplugged.migrated', migratedPages() - migratedBefore);
  await context.compare('gone', [memory], wishFrames(memory, EMPTY));
  await context.compare('unaffected', [memory], wishFrames(memory, TARGET));
  for (const block of blocks) setBlock(block, 'online_movable');
  await context.compare('back', [memory], wishFrames(memory, EMPTY));
};
