import type { Driver } from '../driver.ts';
import { viewFrames } from '../frame-comparison.ts';
import { createFrameContext } from '../frame-context.ts';
import type { CompareOptions, FrameContext } from '../frame-context.ts';
import { framesOfMemory } from '../frame-wish.ts';
import type { FrameWish } from '../frame-wish.ts';
import type { KindsProcess, Memory } from '../memory.ts';
import { startExecutor } from '../services.ts';
import { migratedPages } from '../truth.ts';
import { keepOnFirstCpu } from '../workload.ts';

const SOURCE = 2;
const TARGET = 1;
const FAST = 0;
const PAGES = 1024;
const STEP = 8;
const FILE_PAGES = 128;
const BLOCK_FRAMES = 512;
const CACHED = '/dev/shm/cached';

/** Both draw their frames from one list, by turns. */
async function interleave(one: KindsProcess, two: KindsProcess): Promise<[Memory, Memory]> {
  const memories: Memory[] = [];
  for (const process of [one, two]) {
    keepOnFirstCpu(process.owner.pid);
    memories.push(await process.map('untouched', PAGES, SOURCE));
  }
  for (let page = 0; page < PAGES; page += STEP)
    for (const { process, page: first } of memories)
      await process.workload.ask(`touch ${(first + page) * 4096} ${STEP} ${SOURCE}`);
  return memories as [Memory, Memory];
}

/** How often the next higher frame of the two is the other's. */
function countSeams(one: Memory, two: Memory): number {
  const tagged = [one, two].flatMap((memory, tag) =>
    Array.from(framesOfMemory(memory), (frame) => ({ frame, tag })),
  );
  const sorted = tagged.toSorted((a, b) => a.frame - b.frame);
  return sorted.filter(({ tag }, i) => i > 0 && tag !== sorted[i - 1]?.tag).length;
}

const framesOfAll = (memories: readonly Memory[]): number[] =>
  [...new Set(memories.flatMap((memory) => [...framesOfMemory(memory)]))].toSorted((a, b) => a - b);

/** A wish for each frame, in the order of frames: a plan that knows no tenants. */
const wishEach = (memories: readonly Memory[], target: number): FrameWish[] =>
  framesOfAll(memories).map((frame) => ({ frame, pages: 1, target }));

/** A wish for each aligned block that has one of them. */
function wishBlocks(memories: readonly Memory[], target: number): FrameWish[] {
  const blocks = new Set(framesOfAll(memories).map((frame) => Math.floor(frame / BLOCK_FRAMES)));
  return Array.from(blocks, (block) => ({ frame: block * BLOCK_FRAMES, pages: BLOCK_FRAMES, target }));
}

interface Tenancy {
  readonly own: Readonly<Record<'a' | 'b', Memory>>;
  readonly common: readonly Memory[];
  /** Charged to the first tenant, mapped by nobody while plans are carried out. */
  readonly cached: Memory;
}

const pagesOn = (nodes: readonly number[], target: number): number =>
  nodes.filter((node) => node === target).length;

/** One plan over everything, and whose pages are at its target afterwards. */
async function judgePlan(
  context: FrameContext,
  name: string,
  { own, common, cached }: Tenancy,
  wishes: readonly FrameWish[],
  options: CompareOptions,
): Promise<void> {
  const { report, submit, judge } = context;
  const { workload } = cached.process;
  const all = [own.a, own.b, ...common, cached];
  for (const memory of all) await memory.stamp();
  for (const memory of common) await memory.stamp(1);
  const before = await viewFrames(all);
  await workload.ask(`unmap ${cached.page * 4096} ${cached.pages}`);
  const migratedBefore = migratedPages();
  const outcome = await submit(wishes, options);
  const migrated = migratedPages() - migratedBefore;
  await workload.ask(`show ${cached.page * 4096} ${cached.pages} ${CACHED}`);
  const moved = judge(name, outcome, wishes, before, await viewFrames(all));
  report.fact(`${name}.migratedBeyond`, migrated - moved);

  const target = wishes[0]?.target as number;
  const commonNodes = (await Promise.all(common.map((memory) => memory.nodes()))).flat();
  report.fact(`${name}.a.there`, pagesOn(await own.a.nodes(), target));
  report.fact(`${name}.b.there`, pagesOn(await own.b.nodes(), target));
  report.fact(`${name}.common.there`, pagesOn(commonNodes, target));
  report.fact(`${name}.cached.there`, pagesOn(await cached.nodes(), target));
  let bad = 0;
  for (const memory of [own.a, own.b, cached]) bad += await memory.badPages();
  for (const memory of common) bad += await memory.badPages(1);
  report.fact(`${name}.badPages`, bad);
}

/** Two groups side by side in memory; plans name everybody's frames, and only those of their own scope may move. */
export const run: Driver = async (scenario, report) => {
  const limits = scenario.limits as object;
  const executors = {
    strict: await startExecutor(limits, 'strict'),
    lenient: await startExecutor({ ...limits, allow: { shared: true } }, 'lenient'),
  };
  const context = createFrameContext(executors, report, { cgroup: '/tenant-a', scope: 'a' });
  const one = await context.start('/tenant-a');
  const two = await context.start('/tenant-b');
  const [a, b] = await interleave(one, two);
  report.fact('seams', countSeams(a, b));
  const common: Memory[] = [];
  for (const [path, owner, guest] of [
    ['/dev/shm/of-a', one, two],
    ['/dev/shm/of-b', two, one],
  ] as const)
    for (const process of [owner, guest]) common.push(await process.mapFile(path, FILE_PAGES, SOURCE));
  const cached = await one.mapFile(CACHED, FILE_PAGES, SOURCE);
  const tenancy: Tenancy = { own: { a, b }, common, cached };
  const all = [a, b, ...common, cached];

  await judgePlan(context, 'plan', tenancy, wishEach(all, TARGET), { scope: 'a' });
  await judgePlan(context, 'shared', tenancy, wishEach(all, FAST), { scope: 'a', leave: 'lenient' });
  await judgePlan(context, 'blocks', tenancy, wishBlocks(all, TARGET), { scope: 'b', leave: 'lenient' });
  await context.finish();
  await executors.strict.close();
  await executors.lenient.close();
};
