import { writeFileSync } from 'node:fs';
import { VERDICT } from '../../../../executor/verdict.ts';
import type { Driver } from '../driver.ts';
import { compareOutcome, sliceOutcome, sum } from '../comparison.ts';
import {
  createExactContext,
  placementOf,
  reportComparison,
  predecessorOf,
  waitForMigrations,
} from '../exact-context.ts';
import type { ExactContext } from '../exact-context.ts';
import { startExecutor } from '../services.ts';
import { migratedPages } from '../truth.ts';

type Case = (context: ExactContext) => Promise<void>;

const SOURCE = 2;
const TARGET = 1;
const HUGE_PAGES = `/sys/devices/system/node/node${SOURCE}/hugepages/hugepages-2048kB/nr_hugepages`;

/** Nothing in the way: every page moves, and asking again finds it in place. */
const plain: Case = async (context) => {
  const process = await context.start();
  const memory = await process.map('plain', 2048, SOURCE);
  await context.compare('plain', [memory], memory.wishes(TARGET));
  await context.compare('again', [memory], memory.wishes(TARGET));
};

/**
 * A target that is nearly full before the plan comes: it takes what there is room for, the rest is refused. The
 * plan is much larger than the room, since what the case before freed may come back to the node only now.
 */
const brim: Case = async (context) => {
  const process = await context.start();
  const memory = await process.map('plain', 32_768, SOURCE);
  const hog = await context.start();
  await hog.workload.ask(`fill ${TARGET} 12288`);
  await context.compare('brim', [memory], memory.wishes(TARGET));
  const late = await process.map('plain', 12_288, SOURCE);
  await context.compareRaw('brim', late, TARGET);
};

/** A target that somebody else fills while the plan is carried out. */
const race: Case = async (context) => {
  const process = await context.start();
  const memory = await process.map('plain', 32_768, SOURCE);
  const hog = await context.start();
  await hog.workload.ask(`fill ${TARGET} 45056`);
  const rival = await context.start();
  const started = waitForMigrations(8_192).then(() => rival.workload.ask(`fill ${TARGET} 0`));
  await context.compare('race', [memory], memory.wishes(TARGET));
  await started;
};

/** One page in 64 is held by a pipe. */
const pinned: Case = async (context) => {
  const process = await context.start();
  for (const how of ['raw', 'executor'] as const) {
    const memory = await process.map('plain', 64, SOURCE);
    await process.workload.ask(`pin ${(memory.page + 8) * 4096}`);
    if (how === 'raw') await context.compareRaw('pinned', memory, TARGET);
    else await context.compare('pinned', [memory], memory.wishes(TARGET));
  }
};

/** Pages that a forked child shares stay; once it is gone they move. */
const shared: Case = async (context) => {
  const process = await context.start();
  const memory = await process.map('plain', 64, SOURCE);
  await memory.stamp();
  await process.workload.ask('fork');
  await reportUnstamped(context, 'shared', memory);
  await process.workload.ask('reap');
  await context.compare('unshared', [memory], memory.wishes(TARGET));
};

/** Like `compare`, but writes nothing first: a write would end the sharing. */
async function reportUnstamped(
  context: ExactContext,
  name: string,
  memory: Awaited<ReturnType<Awaited<ReturnType<ExactContext['start']>>['map']>>,
): Promise<void> {
  const wishes = memory.wishes(TARGET);
  const before = await placementOf([memory]);
  const outcome = await context.submit(wishes);
  reportComparison(
    context.report,
    name,
    compareOutcome(outcome, wishes, before, await placementOf([memory])),
  );
}

/** Huge folios: whole, one address in the tail, and both in one plan. */
const huge: Case = async (context) => {
  const process = await context.start();
  const raw = await process.map('thp', 512, SOURCE);
  await context.compareRaw('huge', raw, TARGET);
  const memory = await process.map('thp', 4 * 512, SOURCE);
  const [first, second, third] = memory.wishes(TARGET, 512);
  if (!first || !second || !third) throw new Error('no huge pages');
  const tail = { ...first, page: second.page + 5, pages: 1 };
  const tailOfThird = { ...first, page: third.page + 300, pages: 1 };
  await context.compare('huge', [memory], [first, tail, third, tailOfThird]);
};

/** Kinds that the kernel would move and the executor leaves alone. */
const kinds: Case = async (context) => {
  const process = await context.start();
  writeFileSync(HUGE_PAGES, '2');
  for (const kind of ['mlocked', 'bound', 'hugetlb'] as const) {
    const pages = kind === 'hugetlb' ? 512 : 64;
    const memory = await process.map(kind, pages, SOURCE);
    await context.compare(kind, [memory], memory.wishes(TARGET, kind === 'hugetlb' ? 512 : 1));
  }
};

/** Memory that is not there: never touched, and only ever read. */
const absent: Case = async (context) => {
  const process = await context.start();
  for (const kind of ['untouched', 'zero'] as const) {
    const memory = await process.map(kind, 64, SOURCE);
    const wishes = memory.wishes(TARGET);
    const before = await placementOf([memory]);
    const outcome = await context.submit(wishes);
    reportComparison(
      context.report,
      kind,
      compareOutcome(outcome, wishes, before, await placementOf([memory])),
    );
  }
};

/** What the operator's file and the machine do not allow, in one plan with pages that may move. */
const forbidden: Case = async (context) => {
  const process = await context.start();
  const outsider = await context.start('/elsewhere');
  const mine = await process.map('plain', 64, SOURCE);
  const theirs = await outsider.map('plain', 64, SOURCE);
  const successor = await context.start();
  const [one, two, three] = mine.wishes(TARGET, 16);
  if (!one || !two || !three) throw new Error('no wishes');
  const wishes = [one, { ...two, target: 9 }, { ...three, target: 3 }, ...theirs.wishes(TARGET)];
  const stale = { owner: predecessorOf(successor), page: mine.page, pages: 16, target: TARGET };
  await context.compare('forbidden', [mine, theirs], [...wishes, stale]);
};

/** A process dies in the middle of a plan; the other process of the same plan is served to the page. */
const exit: Case = async (context) => {
  const victim = await context.start();
  const survivor = await context.start();
  const doomed = await victim.map('plain', 24_576, SOURCE);
  const kept = await survivor.map('plain', 2048, SOURCE);
  const wishes = kept.wishes(TARGET);
  const before = await placementOf([kept]);
  const migratedBefore = migratedPages();
  const killed = waitForMigrations(1024).then(() => victim.workload.kill());
  const outcome = await context.submit([...doomed.wishes(TARGET), ...wishes]);
  await killed;
  const migrated = migratedPages() - migratedBefore;

  const lost = sliceOutcome(outcome, 0, doomed.pages);
  const served = sliceOutcome(outcome, doomed.pages, doomed.pages + wishes.length);
  const found = compareOutcome(served, wishes, before, await placementOf([kept]));
  reportComparison(context.report, 'exit.survivor', found);
  context.report.fact('exit.victim.saidMovedPages', sum(lost.movedPages));
  context.report.fact(
    'exit.victim.undecided',
    lost.verdicts.filter((verdict) => verdict === VERDICT.none).length,
  );
  context.report.fact(
    'exit.victim.notMoved',
    lost.verdicts.filter((verdict) => verdict !== VERDICT.moved).length,
  );
  // Pages the kernel moved between the last question and the death are beyond anybody's knowledge, so the outcome
  // may say less than the kernel's counter, and never more.
  context.report.fact('exit.victim.saidBeyondKernel', Math.max(0, sum(outcome.movedPages) - migrated));
};

const CASES: readonly Case[] = [plain, pinned, shared, huge, kinds, absent, forbidden, exit, race, brim];

export const run: Driver = async (scenario, report) => {
  const executor = await startExecutor(scenario.limits);
  const context = createExactContext(executor, report);
  for (const each of CASES) {
    const started = performance.now();
    await each(context);
    await context.finish();
    report.note(each.name, { ms: Math.round(performance.now() - started) });
  }
  await executor.close();
};
