import type { BoundPlan, Outcome } from '../../executor/plan.ts';
import { VERDICT } from '../../executor/verdict.ts';
import type { Quota } from './quota.ts';

/** For each target byte: the positions of the quotas that count its arrivals. */
export type Coverage = readonly (readonly number[])[];

const TARGETS = 256;
const PRIORITIES = 65_536;

export function coverTargets(quotas: readonly Quota[]): Coverage {
  return Array.from({ length: TARGETS }, (_, target) =>
    [...quotas.keys()].filter((quota) => quotas[quota].to?.includes(target) ?? true),
  );
}

/** Base pages by quota. */
export function sumPages(
  { target }: BoundPlan,
  pages: Uint32Array,
  coverage: Coverage,
  quotas: number,
): number[] {
  const byTarget = new Float64Array(TARGETS);
  for (let row = 0; row < target.length; row++) byTarget[target[row]] += pages[row];
  const byQuota = Array.from({ length: quotas }, () => 0);
  for (const [at, sum] of byTarget.entries()) for (const quota of coverage[at]) byQuota[quota] += sum;
  return byQuota;
}

/**
 * The rows that fit into what is left of every quota, ascending; undefined = all do. Higher priority first, ties
 * by position, as the executor goes. A row that does not fit is passed over and takes nothing.
 */
export function findFitting(
  plan: BoundPlan,
  leftPages: readonly number[],
  coverage: Coverage,
): Uint32Array | undefined {
  const { pages, target, priority } = plan;
  const wished = sumPages(plan, pages, coverage, leftPages.length);
  if (wished.every((sum, quota) => sum <= leftPages[quota])) return undefined;
  const left = [...leftPages];
  const fits = new Uint8Array(target.length);
  let count = 0;
  for (const row of sortByPriority(priority)) {
    const quotas = coverage[target[row]];
    if (quotas.some((quota) => left[quota] < pages[row])) continue;
    for (const quota of quotas) left[quota] -= pages[row];
    fits[row] = 1;
    count++;
  }
  const rows = new Uint32Array(count);
  for (let row = 0, next = 0; row < fits.length; row++) if (fits[row]) rows[next++] = row;
  return rows;
}

/** Highest first, ties by position, by counting: a comparison sort of a million rows takes a share of an epoch. */
function sortByPriority(priority: Uint16Array): Uint32Array {
  const places = new Uint32Array(PRIORITIES + 1);
  for (const value of priority) places[PRIORITIES - value]++;
  for (let i = 1; i <= PRIORITIES; i++) places[i] += places[i - 1];
  const rows = new Uint32Array(priority.length);
  for (let row = 0; row < rows.length; row++) rows[places[PRIORITIES - 1 - priority[row]]++] = row;
  return rows;
}

/** The plan of these rows alone. Owners keep their positions. */
export function keepRows(plan: BoundPlan, rows: Uint32Array): BoundPlan {
  return {
    ...plan,
    owner: Uint16Array.from(rows, (row) => plan.owner[row]),
    space: Uint8Array.from(rows, (row) => plan.space[row]),
    pageNumber: Float64Array.from(rows, (row) => plan.pageNumber[row]),
    pages: Uint32Array.from(rows, (row) => plan.pages[row]),
    target: Uint8Array.from(rows, (row) => plan.target[row]),
    priority: Uint16Array.from(rows, (row) => plan.priority[row]),
  };
}

/** The outcome of those rows as one of the whole plan, in its order; the others are `over-budget`. */
export function restoreRows(outcome: Outcome, rows: Uint32Array, entries: number): Outcome {
  const verdicts = new Uint8Array(entries).fill(VERDICT['over-budget']);
  const movedPages = new Uint32Array(entries);
  for (const [at, row] of rows.entries()) {
    verdicts[row] = outcome.verdicts[at];
    movedPages[row] = outcome.movedPages[at];
  }
  const frames = { ...outcome.frames, entry: outcome.frames.entry.map((at) => rows[at]) };
  return { ...outcome, verdicts, movedPages, frames };
}
