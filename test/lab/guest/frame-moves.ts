import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FrameContext } from './frame-context.ts';
import { framesOfMemory, wishFrames } from './frame-wish.ts';
import type { Memory } from './memory.ts';
import { readOwner } from './owner.ts';
import { freePages } from './truth.ts';
import { enterCgroup } from './workload.ts';

export type FrameCase = (context: FrameContext) => Promise<void>;

export const SOURCE = 2;
export const TARGET = 1;
export const SEED = 1;
const HUGE_PAGES = `/sys/devices/system/node/node${SOURCE}/hugepages/hugepages-2048kB/nr_hugepages`;
const KSM = '/sys/kernel/mm/ksm';
const CGROUPS = '/sys/fs/cgroup';
const MERGE_MS_MAX = 30_000;
const FULL_PAGES = 16_384;

/** Nothing in the way: every frame's contents move; the frames they left are free, those they came to in place. */
export const plain: FrameCase = async (context) => {
  const memory = await (await context.start()).map('plain', 2048, SOURCE);
  const left = wishFrames(memory, TARGET);
  await context.compare('plain', [memory], left);
  await context.compare('again', [memory], wishFrames(memory, TARGET));
  await context.compare('left', [memory], left);
};

/** A target with room for half of what is sent there. */
export const full: FrameCase = async (context) => {
  const memory = await (await context.start()).map('plain', FULL_PAGES, SOURCE);
  const hog = await context.start();
  const kept = freePages(TARGET) - (await context.room(TARGET));
  await hog.workload.ask(`fill ${TARGET} ${kept + FULL_PAGES / 2}`);
  await context.compare('full', [memory], wishFrames(memory, TARGET));
};

/** One page in 64 is held by a pipe. */
export const pinned: FrameCase = async (context) => {
  const process = await context.start();
  const memory = await process.map('plain', 64, SOURCE);
  await process.workload.ask(`pin ${(memory.page + 8) * 4096}`);
  await context.compare('pinned', [memory], wishFrames(memory, TARGET));
};

/** The same pages as another process maps them. Its own question would be the same, since they share frames. */
function asMappedBy(memory: Memory, pid: number): Memory {
  return { ...memory, process: { ...memory.process, owner: readOwner(pid) } };
}

/** Four processes map each frame: all of one scope, then one of another. */
export const shared: FrameCase = async (context) => {
  const process = await context.start();
  const memory = await process.map('plain', 64, SOURCE);
  await memory.stamp(SEED);
  const pids: number[] = [];
  for (let i = 0; i < 3; i++) pids.push(Number((await process.workload.ask('fork'))[0]));
  const all = [memory, ...pids.map((pid) => asMappedBy(memory, pid))];
  await context.compare('shared', all, wishFrames(memory, TARGET), { seed: SEED });
  await context.compare('family', all, wishFrames(memory, TARGET), { seed: SEED, leave: 'lenient' });
  enterCgroup('/elsewhere', pids[1] as number);
  await context.compare('abroad', all, wishFrames(memory, SOURCE), { seed: SEED, leave: 'lenient' });
  await process.workload.ask('reap');
  await context.compare('unshared', [memory], wishFrames(memory, SOURCE), { seed: SEED });
};

/** Alike pages of strangers that KSM made one. */
export const merged: FrameCase = async (context) => {
  const memories: Memory[] = [];
  for (const each of ['one', 'two']) {
    const process = await context.start();
    const memory = await process.map('plain', 64, SOURCE);
    await memory.stamp(SEED);
    await process.workload.ask(`merge ${memory.page * 4096} ${memory.pages}`);
    memories.push(memory);
    context.report.note(`${each} to be merged`, { pid: process.owner.pid });
  }
  const [one, two] = memories as [Memory, Memory];
  await mergeAll(one, two);
  await context.compare('ksm', memories, wishFrames(one, TARGET), { seed: SEED });
  await context.compare('ksmFamily', memories, wishFrames(one, TARGET), { seed: SEED, leave: 'lenient' });
  enterCgroup('/elsewhere', two.process.owner.pid);
  await context.compare('ksmAbroad', memories, wishFrames(one, SOURCE), { seed: SEED, leave: 'lenient' });
};

async function mergeAll(one: Memory, two: Memory): Promise<void> {
  writeFileSync(`${KSM}/pages_to_scan`, '1000');
  writeFileSync(`${KSM}/run`, '1');
  const started = performance.now();
  for (;;) {
    const other = framesOfMemory(two);
    if (framesOfMemory(one).every((frame, i) => frame === other[i])) break;
    if (performance.now() - started > MERGE_MS_MAX) throw new Error('KSM merged nothing');
    await sleep(50);
  }
  writeFileSync(`${KSM}/run`, '0');
}

/** Huge folios: whole by the head, by one frame in the tail, by a half, and head and tail in one plan. */
export const huge: FrameCase = async (context) => {
  const memory = await (await context.start()).map('thp', 4 * 512, SOURCE);
  const [first, second, third, fourth] = wishFrames(memory, TARGET, 512);
  if (!first || !second || !third || !fourth) throw new Error('no huge pages');
  const tail = { ...second, frame: second.frame + 5, pages: 1 };
  const half = { ...fourth, pages: 256 };
  const tailOfThird = { ...third, frame: third.frame + 300, pages: 1 };
  await context.compare('huge', [memory], [first, tail, third, tailOfThird, half]);
  const rounded = [
    { ...tail, rounded: second },
    { ...half, rounded: fourth },
  ];
  await context.compare('hugeRounded', [memory], rounded, { leave: 'lenient' });
};

/** Kinds that the kernel would move and the executor moves when it may. */
export const kinds: FrameCase = async (context) => {
  const process = await context.start();
  writeFileSync(HUGE_PAGES, '2');
  for (const kind of ['mlocked', 'bound', 'hugetlb'] as const) {
    const [pages, unit] = kind === 'hugetlb' ? [512, 512] : [64, 1];
    const memory = await process.map(kind, pages, SOURCE);
    await context.compare(kind, [memory], wishFrames(memory, TARGET, unit));
    await context.compare(`${kind}Allowed`, [memory], wishFrames(memory, TARGET, unit), { leave: 'lenient' });
  }
};

/** A cpuset that leaves the target out. */
export const cpuset: FrameCase = async (context) => {
  const folder = `${CGROUPS}/workload`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/cgroup.subtree_control`, '+cpuset');
  mkdirSync(`${folder}/narrow`);
  writeFileSync(`${folder}/narrow/cpuset.mems`, `0,${SOURCE}`);
  const memory = await (await context.start('/workload/narrow')).map('plain', 64, SOURCE);
  await context.compare('cpuset', [memory], wishFrames(memory, TARGET), { leave: 'lenient' });
  await context.finish();
  rmdirSync(`${folder}/narrow`);
  writeFileSync(`${folder}/cgroup.subtree_control`, '-cpuset');
};
