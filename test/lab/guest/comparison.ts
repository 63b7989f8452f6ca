import type { Outcome } from '../../../executor/plan.ts';
import { VERDICT, verdictName } from '../../../executor/verdict.ts';
import type { Wish } from './wish.ts';

/** Node (or negative errno) of every page that any wish names, by owner and page number. */
export type Placement = ReadonlyMap<string, number>;

export const placeKey = (pid: number, page: number): string => `${pid}:${page}`;

export interface Comparison {
  readonly saidMovedPages: number;
  readonly trueMovedPages: number;
  /** Entries whose verdict or count is not what the kernel says. */
  readonly disagreements: number;
  /** (from, to) pairs whose flow is not what the kernel says. */
  readonly flowDisagreements: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

export function sum(pages: Uint32Array): number {
  return pages.reduce((total, count) => total + count, 0);
}

/** What an outcome says about some of its entries; its flows stay those of the whole. */
export function sliceOutcome(outcome: Outcome, from: number, to: number): Outcome {
  const verdicts = outcome.verdicts.subarray(from, to);
  const movedPages = outcome.movedPages.subarray(from, to);
  return { ...outcome, verdicts, movedPages };
}

/** Whether the verdict may stand beside what became of the entry's pages. */
function agrees(
  verdict: number,
  target: number,
  before: readonly number[],
  after: readonly number[],
): boolean {
  const arrived = after.every((node) => node === target);
  const wasThere = before.every((node) => node === target);
  if (verdict === VERDICT.moved) return arrived && !wasThere;
  if (verdict === VERDICT['in-place']) return arrived && wasThere;
  if (verdict === VERDICT['not-present']) return after.every((node) => node < 0);
  return !arrived;
}

/**
 * Holds an outcome against two placements that were asked of the kernel by the processes themselves. A huge folio
 * that one entry moves also moves the pages of another entry that lost it as a duplicate: these count once, with
 * the entry that won.
 */
export function compareOutcome(
  outcome: Outcome,
  wishes: readonly Wish[],
  before: Placement,
  after: Placement,
): Comparison {
  const verdicts: Record<string, number> = {};
  const flows = new Map<string, number>();
  let trueMovedPages = 0;
  let disagreements = 0;
  wishes.forEach(({ owner, page, pages, target }, entry) => {
    const verdict = outcome.verdicts[entry] as number;
    const name = verdictName(verdict) ?? `${verdict}`;
    verdicts[name] = (verdicts[name] ?? 0) + 1;
    const keys = Array.from({ length: pages }, (_, i) => placeKey(owner.pid, page + i));
    const was = keys.map((key) => before.get(key) ?? -1);
    const is = keys.map((key) => after.get(key) ?? -1);
    const said = outcome.movedPages[entry] as number;
    if (verdict === VERDICT.duplicate) {
      if (said !== 0) disagreements++;
      return;
    }
    let moved = 0;
    was.forEach((from, i) => {
      if (from === target || is[i] !== target) return;
      moved++;
      flows.set(`${from}>${target}`, (flows.get(`${from}>${target}`) ?? 0) + 1);
    });
    trueMovedPages += moved;
    if (said !== moved || !agrees(verdict, target, was, is)) disagreements++;
  });
  return {
    saidMovedPages: sum(outcome.movedPages),
    trueMovedPages,
    disagreements,
    flowDisagreements: compareFlows(outcome, flows),
    verdicts,
  };
}

export function compareFlows(outcome: Outcome, truth: ReadonlyMap<string, number>): number {
  const said = new Map(outcome.flows.map(({ from, to, pages }) => [`${from}>${to}`, pages]));
  const pairs = new Set([...said.keys(), ...truth.keys()]);
  return [...pairs].filter((pair) => (said.get(pair) ?? 0) !== (truth.get(pair) ?? 0)).length;
}
