import type { Executor } from '../../../executor/executor.ts';
import type { NodeBudget } from '../../../executor/plan.ts';
import { CGROUP, SCOPE, createExactContext } from './exact-context.ts';
import { createFrameContext } from './frame-context.ts';
import { wishFrames } from './frame-wish.ts';
import type { KindsProcess, Memory } from './memory.ts';
import type { Reporter } from './reporter.ts';
import { demand } from './services.ts';

const PAGES = 2048;
const ROUND_TRIPS = 3;
/** Heat (writes per page and epoch) at which a move just pays: hot pages tend to 1, cold ones stay near 0.1. */
const BREAK_EVEN_HEAT = 0.4;

/** A process whose memory an executor moves. */
interface Moved {
  start(): Promise<KindsProcess>;
  move(memory: Memory, target: number): Promise<unknown>;
  finish(): Promise<void>;
}

export type MoveMemory = (executor: Executor, report: Reporter) => Moved;

export const moveVirtual: MoveMemory = (executor, report) => {
  const context = createExactContext(executor, report);
  return { ...context, move: (memory, target) => context.submit(memory.wishes(target)) };
};

export const moveFrames: MoveMemory = (executor, report) => {
  const home = { cgroup: CGROUP, scope: SCOPE };
  const context = createFrameContext({ strict: executor, lenient: executor }, report, home);
  return { ...context, move: (memory, target) => context.submit(wishFrames(memory, target)) };
};

/**
 * Under emulation a page takes tens of microseconds to move, while the latencies that HMAT tells are those of real
 * memory. So that both weigh on one scale, a write found stands for as many accesses as make moving a page with
 * break-even heat worth it over `horizon` epochs; the answer is that number.
 */
export async function calibrateSamplingPeriod(
  executor: Executor,
  report: Reporter,
  [fast, slow]: readonly [fast: number, slow: number],
  horizon: number,
  moveMemory: MoveMemory,
): Promise<number> {
  const context = moveMemory(executor, report);
  const process = await context.start();
  const memory = await process.map('plain', PAGES, slow);
  for (let trip = 0; trip < ROUND_TRIPS; trip++)
    for (const target of [fast, slow]) await context.move(memory, target);
  await context.finish();

  const { nodes } = demand(await executor.budgets(SCOPE));
  const [near, far] = [fast, slow].map((id) => nodes.find(({ node }) => node === id)) as [
    NodeBudget,
    NodeBudget,
  ];
  const roundTripNs = near.moveCostNs + far.moveCostNs;
  const gainNs = (far.latencyNs - near.latencyNs) * horizon * BREAK_EVEN_HEAT;
  const period = Math.max(1, Math.round(roundTripNs / gainNs));
  report.note('calibrated', { roundTripNs: Math.round(roundTripNs), samplingPeriod: period });
  return period;
}
