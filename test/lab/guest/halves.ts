import { createEngine } from '../../../runtime/engine.ts';
import type { Engine } from '../../../runtime/engine.ts';
import type { EpochReport } from '../../../runtime/epoch-report.ts';
import type { Scenario } from '../scenario.ts';
import { calibrateSamplingPeriod } from './calibration.ts';
import type { MoveMemory } from './calibration.ts';
import { sum } from './comparison.ts';
import { CGROUP, SCOPE } from './exact-context.ts';
import type { Reporter } from './reporter.ts';
import { countProcesses, demand, startExecutor, startPolicy, startSensor } from './services.ts';
import { migratedPages } from './truth.ts';
import { startWorkload } from './workload.ts';
import type { Workload } from './workload.ts';

const FAST = 0;
/** A cold page is visited once in so many rounds (workloads/pages.c). */
const COLD_PERIOD = 20;

/** Pages of the workload on the fast node, by its own question to the kernel. */
interface OnFast {
  readonly hot: number;
  readonly cold: number;
}

export async function askOnFast(pages: Workload): Promise<OnFast> {
  const words = await pages.ask('nodes');
  const cold = words.slice(words.indexOf('cold') + 1);
  return { hot: Number(words[FAST]), cold: Number(cold[FAST]) };
}

function describe(epoch: EpochReport, onFast: OnFast, hitShare: number): Record<string, number> {
  const room = epoch.snapshot?.places[FAST]?.room ?? 0;
  const asked = epoch.bound?.target.length ?? 0;
  return { room, asked, moved: movedIn(epoch), hotOnFast: onFast.hot, coldOnFast: onFast.cold, hitShare };
}

/** Of the pages that a round visits, those on the fast node, in thousandths. */
function shareOfHits(onFast: OnFast, { hotPages, coldPages }: Course): number {
  const hits = onFast.hot + onFast.cold / COLD_PERIOD;
  return Math.round((1000 * hits) / (hotPages + coldPages / COLD_PERIOD)) / 1000;
}

/** Pages that the outcome says moved; an epoch that ended early fails the scenario. */
function movedIn(epoch: EpochReport): number {
  if (epoch.fault) demand(epoch.fault);
  return epoch.outcome ? sum(epoch.outcome.movedPages) : 0;
}

/** What happens in each half. */
interface Course {
  readonly round: string;
  readonly epochs: number;
  readonly hotPages: number;
  readonly coldPages: number;
}

interface Half {
  /** After each epoch. */
  readonly hitShares: readonly number[];
  readonly movedPages: number;
  readonly fastPagesMax: number;
  readonly roomAtStart: number;
  readonly last: OnFast;
}

/** One round of the workload, one step of the engine, by turns. */
async function runHalf(engine: Engine, pages: Workload, course: Course, report: Reporter): Promise<Half> {
  const hitShares: number[] = [];
  let movedPages = 0;
  let fastPagesMax = 0;
  let roomAtStart = 0;
  let last: OnFast = { hot: 0, cold: 0 };
  for (let i = 0; i < course.epochs; i++) {
    await pages.ask(course.round);
    const epoch = await engine.step();
    movedPages += movedIn(epoch);
    last = await askOnFast(pages);
    fastPagesMax = Math.max(fastPagesMax, last.hot + last.cold);
    hitShares.push(shareOfHits(last, course));
    const line = describe(epoch, last, hitShares.at(-1) as number);
    if (i === 0) roomAtStart = line['room'] as number;
    report.note(`epoch ${epoch.epoch}`, line);
  }
  return { hitShares, movedPages, fastPagesMax, roomAtStart, last };
}

/** How a scenario of two halves looks at memory and moves it. */
export interface Eye {
  /** Arguments of the sensor beside the group it looks at. */
  readonly sensor: readonly string[];
  /** How the cost of moves is measured: in the space that the plans will be in. */
  readonly move: MoveMemory;
  /** The workload's command for a round. */
  readonly round: string;
}

/**
 * Telemetry to plan to moved pages, each part in its own process, against a workload that counts its own pages. At
 * half time what was hot turns cold.
 */
export async function runHalves(scenario: Scenario, report: Reporter, eye: Eye): Promise<void> {
  const { hotPages = 0, coldPages = 0, startNode = 1, epochsPerHalf = 1, horizon = 10 } = scenario.parameters;
  const executor = await startExecutor(scenario.limits);
  const period = await calibrateSamplingPeriod(executor, report, [FAST, startNode], horizon, eye.move);
  const pages = await startWorkload('pages', CGROUP);
  await pages.ask(`map ${startNode} ${hotPages} ${coldPages}`);
  const source = await startSensor(CGROUP, period, eye.sensor);
  const policy = await startPolicy(scenario, { horizon });
  report.fact('processes', countProcesses());

  const engine = createEngine({ source, policy, executor, scope: SCOPE });
  const migratedBefore = migratedPages();
  const course = { round: eye.round, epochs: epochsPerHalf, hotPages, coldPages };
  const first = await runHalf(engine, pages, course, report);
  await pages.ask('swap');
  const second = await runHalf(engine, pages, course, report);

  report.fact('roomAtStart', first.roomAtStart);
  for (const [name, { last, hitShares }] of Object.entries({ first, second })) {
    report.note(`${name}.hitShares`, { hitShares });
    report.fact(
      `${name}.meanHitShare`,
      hitShares.reduce((total, share) => total + share, 0) / hitShares.length,
    );
    report.fact(`${name}.hotOnFast`, last.hot / hotPages);
    report.fact(`${name}.coldOnFast`, last.cold / coldPages);
  }
  const movedPages = first.movedPages + second.movedPages;
  report.fact('movedPages', movedPages);
  report.fact('migratedBeyond', migratedPages() - migratedBefore - movedPages);
  report.fact('fastPagesMax', Math.max(first.fastPagesMax, second.fastPagesMax));
  report.fact('badPages', Number((await pages.ask('verify'))[0]));
  await engine.close();
}
