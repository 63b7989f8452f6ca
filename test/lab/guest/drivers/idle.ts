import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { REGION_FLAG } from '../../../../runtime/contract.ts';
import type { Driver } from '../driver.ts';
import { framesOf } from '../frames.ts';
import { countWrong, look, openSource, touch, union, type Row } from '../idle-context.ts';
import { startKinds, type KindsProcess, type Memory } from '../memory.ts';
import type { Reporter } from '../reporter.ts';
import { startSensor } from '../services.ts';

const NODE = 1;
const DIMM = 3;
const BLOCK = 512;
/** A block becomes folios after three mixed looks; the first of them is only marked for. */
const LOOKS_TO_SPLIT = 4;
/** Of the 1 GiB of the node. */
const SAMPLED_BLOCKS_MAX = 512 / 2;

export const run: Driver = async (scenario, report) => {
  const { plainPages = 0, hugeFolios = 0 } = scenario.parameters;
  const own = await startKinds('/workload');
  const other = await startKinds('/other');
  const plain = await map(own, 'plain', plainPages, NODE);
  const huge = await map(own, 'thp', hugeFolios * BLOCK, NODE);
  const mlocked = await map(own, 'mlocked', 64, NODE);
  const foreign = await map(other, 'plain', 256, NODE);

  await judgeFolios(report, { plain, huge, mlocked, foreign });
  await judgeBirths(report, own, plain);
  await judgeBlocks(report, own);
  await judgeShare(report, own);
  await judgeUnplug(report, own);
  report.fact('kernel.tainted', Number(readFileSync('/proc/sys/kernel/tainted', 'utf8')));
};

/** Born, and off the per-CPU batches that pages wait in before they are on an LRU list. */
async function map(process: KindsProcess, kind: 'plain' | 'thp' | 'mlocked', pages: number, node: number) {
  const memory = await process.map(kind, pages, node);
  await memory.rawMove(node);
  return memory;
}

interface Memories {
  readonly plain: Memory;
  readonly huge: Memory;
  readonly mlocked: Memory;
  readonly foreign: Memory;
}

/** The sensor process, told of no process, against what was written in each epoch. */
async function judgeFolios(report: Reporter, { plain, huge, mlocked, foreign }: Memories): Promise<void> {
  const sensor = await startSensor('/workload', 1, ['--source', 'idle-pages', '--nodes', `${NODE}`]);
  const ours = ({ process, page, pages }: Memory) => [...framesOf(process.owner.pid, page, pages)];
  const heads = new Set([plain, huge, mlocked].flatMap(ours));
  const others = new Set(ours(foreign));
  const told = async () => (await look(sensor)).filter(({ frame }) => heads.has(frame) || others.has(frame));

  const first = await told();
  report.fact('first.rows', first.length);
  report.fact('first.covered', first.filter(({ covered }) => covered).length);
  report.fact('first.onOtherNodes', first.filter(({ node }) => node !== NODE).length);
  report.fact('first.ofOthers', first.filter(({ frame }) => others.has(frame)).length);
  report.fact(
    'first.huge',
    first.filter(({ pages, flags }) => pages === BLOCK && flags & REGION_FLAG.huge).length,
  );
  report.fact('first.unmovable', first.filter(({ flags }) => flags & REGION_FLAG.unmovable).length);

  const epoch = async (name: string, plainStep: number, hugeStep: number) => {
    const truth = union(
      await touch(plain, 1, 1, plainStep),
      await touch(huge, BLOCK, 1, hugeStep),
      await touch(mlocked, 1, 0, plainStep && 2),
      await touch(foreign, 1, 0, plainStep && 1),
    );
    const rows = await told();
    const expected = {
      touched: new Set([...truth.touched].filter((head) => heads.has(head))),
      untouched: new Set([...truth.untouched].filter((head) => heads.has(head))),
    };
    report.fact(`${name}.covered`, rows.filter(({ covered }) => covered).length);
    report.fact(`${name}.wrong`, countWrong(rows, expected));
    report.fact(
      `${name}.accesses`,
      rows.reduce((sum, { accesses }) => sum + accesses, 0),
    );
  };
  await epoch('untouched', 0, 0);
  await epoch('touched', 3, 2);
  await epoch('again', 5, 1);
  await sensor.close();
}

/** Freed frames are no rows and no accesses, new ones are rows at the next look. */
async function judgeBirths(report: Reporter, own: KindsProcess, plain: Memory): Promise<void> {
  const source = openSource({ mode: 'full', samplingShare: 1, nodes: [NODE] }, '/workload');
  await look(source);
  const half = plain.pages / 2;
  const freed = new Set(framesOf(own.owner.pid, plain.page, half));
  await own.workload.ask(`unmap ${plain.page * 4096} ${half}`);
  const kept = await touch({ ...plain, page: plain.page + half, pages: half }, 1, 0, 2);
  const rows = await look(source);
  report.fact('unmapped.rows', rows.filter(({ frame }) => freed.has(frame)).length);
  report.fact('unmapped.wrong', countWrong(rows, kept));

  const born = await map(own, 'plain', 256, NODE);
  const frames = new Set(framesOf(own.owner.pid, born.page, born.pages));
  const found = (await look(source)).filter(({ frame }) => frames.has(frame));
  report.fact('born.rows', found.length);
  report.fact('born.covered', found.filter(({ covered }) => covered).length);
  await source.close();
}

/** Blocks count their accessed folios; where hot and cold mix they are told folio by folio. */
async function judgeBlocks(report: Reporter, own: KindsProcess): Promise<void> {
  const huge = await map(own, 'thp', 4 * BLOCK, NODE);
  const mixed = await map(own, 'plain', 2 * BLOCK, NODE);
  const source = openSource(
    { mode: 'full', samplingShare: 1, regions: 'blocks', nodes: [NODE] },
    '/workload',
  );
  await look(source);
  let rows: Row[] = [];
  let truth = await touch(huge, BLOCK, 0, 2);
  for (let epoch = 0; epoch < LOOKS_TO_SPLIT; epoch++) {
    truth = union(await touch(huge, BLOCK, 0, 2), await touch(mixed, 1, 0, 2));
    rows = await look(source);
    if (epoch > 0) continue;
    const heads = new Set(framesOf(own.owner.pid, huge.page, huge.pages).filter((_, at) => at % BLOCK === 0));
    const wholes = rows.filter(({ frame, pages }) => pages === BLOCK && heads.has(frame));
    report.fact('blocks.whole', wholes.length);
    report.fact('blocks.wrong', countBlocksWrong(rows, truth));
  }
  const singles = rows.filter(({ pages }) => pages === 1);
  const told = new Set(singles.map(({ frame }) => frame));
  const onlyTold = (set: ReadonlySet<number>) => new Set([...set].filter((head) => told.has(head)));
  report.fact('blocks.split', new Set(singles.map(({ frame }) => Math.floor(frame / BLOCK))).size);
  report.fact(
    'split.wrong',
    countWrong(rows, { touched: onlyTold(truth.touched), untouched: onlyTold(truth.untouched) }),
  );
  await source.close();
}

/** Blocks that hold folios we know of must count at least those touched, at most all but those untouched. */
function countBlocksWrong(rows: readonly Row[], { touched, untouched }: ReturnType<typeof union>): number {
  const inBlock = (heads: ReadonlySet<number>, frame: number) =>
    [...heads].filter((head) => head >= frame && head < frame + BLOCK).length;
  return rows.filter(({ frame, pages, accesses, covered }) => {
    if (pages !== BLOCK) return false;
    const [hot, cold] = [inBlock(touched, frame), inBlock(untouched, frame)];
    return hot + cold > 0 && (!covered || accesses < hot || accesses > BLOCK - cold);
  }).length;
}

/** Half of the blocks is looked at; what is said of it is true. */
async function judgeShare(report: Reporter, own: KindsProcess): Promise<void> {
  const memory = await map(own, 'plain', 8 * BLOCK, NODE);
  const source = openSource(
    { mode: 'sampled', samplingShare: 0.5, regions: 'folios', nodes: [NODE] },
    '/workload',
  );
  await look(source);
  const truth = await touch(memory, 1, 0, 2);
  const rows = await look(source);
  const covered = rows.filter((row) => row.covered);
  const told = new Set(covered.map(({ frame }) => frame));
  const onlyTold = (set: ReadonlySet<number>) => new Set([...set].filter((head) => told.has(head)));
  const blocks = new Set(covered.map(({ frame }) => Math.floor(frame / BLOCK))).size;
  report.fact('sampled.blocksBeyond', Math.max(0, blocks - SAMPLED_BLOCKS_MAX));
  report.fact('sampled.covered', covered.length);
  report.fact(
    'sampled.wrong',
    countWrong(rows, { touched: onlyTold(truth.touched), untouched: onlyTold(truth.untouched) }),
  );
  await source.close();
}

/** The DIMM goes offline between two looks: the kernel moves what lay there, and no row stays. */
async function judgeUnplug(report: Reporter, own: KindsProcess): Promise<void> {
  await map(own, 'plain', BLOCK, DIMM);
  const source = openSource({ mode: 'full', samplingShare: 1, regions: 'folios' }, '/workload');
  await look(source);
  const onDimm = async () => (await look(source)).filter(({ node }) => node === DIMM).length;
  report.fact('plugged.rows', await onDimm());
  const folder = `/sys/devices/system/node/node${DIMM}`;
  const blocks = readdirSync(folder).filter((name) => /^memory\d+$/.test(name));
  for (const block of blocks) writeFileSync(`${folder}/${block}/state`, 'offline');
  const states = blocks.map((block) => readFileSync(`${folder}/${block}/state`, 'utf8').trim());
  report.fact('unplugged.offline', Number(states.every((state) => state === 'offline')));
  report.fact('unplugged.rows', await onDimm());
  await source.close();
}
