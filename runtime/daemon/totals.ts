import { isRejection } from '../../executor/verdict.ts';
import type { ScopeStatus } from '../control/status.ts';
import type { EpochReport } from '../epoch-report.ts';

export type Totals = ScopeStatus['totals'];

export const NO_TOTALS: Totals = { movedPages: 0, promotedPages: 0, demotedPages: 0, refused: 0, failed: 0 };

/** With one more epoch. */
export function addEpoch(totals: Totals, { outcome, budgets, fault }: EpochReport): Totals {
  const failed = totals.failed + (fault && fault.code !== 'paused' ? 1 : 0);
  if (!outcome) return { ...totals, failed };
  const tierOf = new Map(budgets?.nodes.map(({ node, tier }) => [node, tier]));
  let { movedPages, promotedPages, demotedPages, refused } = totals;
  for (const { from, to, pages } of outcome.flows) {
    movedPages += pages;
    const [before, after] = [tierOf.get(from), tierOf.get(to)];
    if (before === undefined || after === undefined) continue;
    if (after < before) promotedPages += pages;
    if (after > before) demotedPages += pages;
  }
  for (const verdict of outcome.verdicts) if (isRejection(verdict)) refused++;
  return { movedPages, promotedPages, demotedPages, refused, failed };
}
