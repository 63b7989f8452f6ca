import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Outcome } from '../../../executor/plan.ts';
import { VERDICT } from '../../../executor/verdict.ts';
import { limitMoves } from '../../../runtime/quota/limit-moves.ts';
import type { Quota } from '../../../runtime/quota/quota.ts';
import { createTwoTier, expectValue, populate, type Entry } from '../../executor/two-tier.ts';
import { repetitions } from '../../proof.ts';
import { createMetricFiles } from './metric-files.ts';

const PAGE = 4096;
const HUGE_PAGE_BYTES = 2_097_152;
const PRESENT = 900;
const files = createMetricFiles();
afterAll(() => files.remove());

const share = fc.integer({ min: 1, max: 100 }).map((percent) => percent / 100);
const goal = fc.oneof(
  fc.record({
    metric: fc.constantFrom('free-share' as const, 'used-share' as const),
    node: fc.nat(2),
    target: share,
  }),
  fc.record({ metric: fc.constant('psi-memory-some' as const), target: share }),
);
const quota: fc.Arbitrary<Quota> = fc
  .record({
    to: fc.constantFrom(undefined, [0], [1], [0, 1]),
    bytesPerSecond: fc.integer({ min: PAGE, max: 2000 * PAGE }),
    bytesPerSecondMin: fc.constantFrom(undefined, 0, PAGE),
    goals: fc.array(goal, { maxLength: 2 }),
  })
  .map(({ to, bytesPerSecondMin, ...rest }) => ({
    ...rest,
    ...(to && { to }),
    ...(bytesPerSecondMin !== undefined && { bytesPerSecondMin }),
  }));
const entry: fc.Arbitrary<Entry> = fc.record({
  page: fc.nat(PRESENT),
  pages: fc.integer({ min: 1, max: 300 }),
  target: fc.nat(1),
  priority: fc.nat(3),
});
const step = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.nat(3000)),
  freeKib: fc.tuple(fc.nat(1000), fc.nat(1000)),
  plans: fc.array(fc.array(entry, { maxLength: 8 }), { minLength: 1, maxLength: 2 }),
});
const runs = { numRuns: repetitions({ slice: 40, full: 10_000 }) };
const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);

function createMachine() {
  const two = createTwoTier();
  populate(two, 0, PRESENT, 0);
  return two;
}

function setStage(quotas: readonly Quota[]) {
  const clock = { ms: 0 };
  const two = createMachine();
  const limited = limitMoves(two.executor, quotas, { nowMs: () => clock.ms, root: files.root });
  return { clock, two, limited };
}

function arrivals(entries: readonly Entry[], { movedPages }: Outcome, { to }: Quota): number {
  return sum(entries.map(({ target }, row) => ((to?.includes(target) ?? true) ? movedPages[row] : 0)));
}

test('in no window does more arrive than the ceiling lets in, and a full bucket', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(quota, { maxLength: 3 }),
      fc.array(step, { maxLength: 12 }),
      async (quotas, steps) => {
        const { clock, two, limited } = setStage(quotas);
        const moves = quotas.map((): { atMs: number; bytes: number }[] => []);
        for (const { afterMs, freeKib, plans } of steps) {
          clock.ms += afterMs;
          for (const [node, free] of freeKib.entries()) files.setMemory(node, 1000, free);
          files.setStalledUs(clock.ms * freeKib[0]);
          expectValue(await limited.budgets('all'));
          const outcomes = await Promise.all(plans.map((entries) => limited.submit(two.plan(entries))));
          for (const [i, each] of quotas.entries()) {
            const pages = plans.map((entries, plan) => arrivals(entries, expectValue(outcomes[plan]), each));
            moves[i].push({ atMs: clock.ms, bytes: sum(pages) * PAGE });
          }
        }
        for (const [i, { bytesPerSecond }] of quotas.entries()) {
          const burst = Math.max(bytesPerSecond, HUGE_PAGE_BYTES);
          for (let from = 0; from < moves[i].length; from++)
            for (let to = from; to < moves[i].length; to++) {
              const seconds = (moves[i][to].atMs - moves[i][from].atMs) / 1000;
              const bytes = sum(moves[i].slice(from, to + 1).map((move) => move.bytes));
              // One byte for what rounding may make of the sum.
              expect(bytes).toBeLessThanOrEqual(bytesPerSecond * seconds + burst + 1);
            }
        }
      },
    ),
    runs,
  );
});

/** The rows that fit, told anew and slowly. */
function choose(entries: readonly Entry[], left: readonly number[], quotas: readonly Quota[]): number[] {
  const rows = [...entries.keys()].sort((a, b) => entries[b].priority! - entries[a].priority! || a - b);
  const spent = quotas.map(() => 0);
  const chosen = rows.filter((row) => {
    const { target, pages = 1 } = entries[row];
    const counts = quotas.map(({ to }) => !to || to.includes(target));
    if (counts.some((isCounted, i) => isCounted && spent[i] + pages > left[i])) return false;
    for (const [i, isCounted] of counts.entries()) if (isCounted) spent[i] += pages;
    return true;
  });
  return chosen.sort((a, b) => a - b);
}

test('the rows that fit fare as they would alone, in their places; the others are over budget', async () => {
  const plain = quota.map((each) => ({ ...each, goals: [] }));
  const entries = fc.array(entry, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(plain, { maxLength: 3 }), entries, async (quotas, wishes) => {
      const { two, limited } = setStage(quotas);
      const twin = createMachine();
      const left = quotas.map(({ bytesPerSecond }) =>
        Math.floor(Math.max(bytesPerSecond, HUGE_PAGE_BYTES) / PAGE),
      );
      const chosen = choose(wishes, left, quotas);
      const outcome = expectValue(await limited.submit(two.plan(wishes)));
      const alone = expectValue(await twin.executor.submit(twin.plan(chosen.map((row) => wishes[row]))));
      const verdicts = new Uint8Array(wishes.length).fill(VERDICT['over-budget']);
      const movedPages = new Uint32Array(wishes.length);
      for (const [at, row] of chosen.entries()) {
        verdicts[row] = alone.verdicts[at];
        movedPages[row] = alone.movedPages[at];
      }
      expect(outcome).toEqual({ ...alone, verdicts, movedPages });
    }),
    runs,
  );
});
