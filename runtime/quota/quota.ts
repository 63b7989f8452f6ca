import { failure, success, type Result } from '../../executor/result.ts';
import {
  quotaBytesPerSecondMax,
  quotaBytesPerSecondMin,
  quotaGoalsMax,
  quotaNodeMax,
  quotasMax,
} from '../limits.ts';

/** What a quota's rate is tuned for. Each metric must rise with the moves that the quota lets in. */
export type Goal =
  /** Share of the node's memory that is free, or in use; `target` above 0, up to 1. */
  | { readonly metric: 'free-share' | 'used-share'; readonly node: number; readonly target: number }
  /** Share of time in which some task waited for memory; `target` above 0, up to 1. */
  | { readonly metric: 'psi-memory-some'; readonly target: number };

/** How much a scope may move (docs/quotas.md). */
export interface Quota {
  /** Node ids whose arrivals count; absent = all arrivals. */
  readonly to?: readonly number[];
  /** The ceiling, and the rate itself where there are no goals. */
  readonly bytesPerSecond: number;
  /** How far goals may lower the rate; absent = one huge page a second, or the ceiling where that is less. */
  readonly bytesPerSecondMin?: number;
  /** Of several the one that is nearest to its target, or furthest beyond, decides. */
  readonly goals?: readonly Goal[];
}

export type QuotaFault = 'quota-malformed';

/** Whether every number is within its bounds; shapes are the reader's to check. */
export function checkQuotas(quotas: readonly Quota[]): Result<readonly Quota[], QuotaFault> {
  if (quotas.length > quotasMax) return malformed('quotas', `${quotas.length} of ${quotasMax}; merge some`);
  for (const [index, quota] of quotas.entries()) {
    const fault = findFault(quota);
    if (fault) return malformed(`quota ${index}`, fault);
  }
  return success(quotas);
}

function findFault({ to, bytesPerSecond, bytesPerSecondMin = 0, goals = [] }: Quota): string | undefined {
  if (!(bytesPerSecond >= quotaBytesPerSecondMin && bytesPerSecond <= quotaBytesPerSecondMax))
    return `set bytesPerSecond to ${quotaBytesPerSecondMin} up to ${quotaBytesPerSecondMax}`;
  if (!(bytesPerSecondMin >= 0 && bytesPerSecondMin <= bytesPerSecond))
    return `set bytesPerSecondMin to 0 up to bytesPerSecond, ${bytesPerSecond}`;
  if (to && (to.length === 0 || !to.every(isNode))) return `name nodes from 0 to ${quotaNodeMax} in to`;
  if (goals.length > quotaGoalsMax) return `${goals.length} goals of ${quotaGoalsMax}; take some out`;
  if (!goals.every(({ target }) => target > 0 && target <= 1)) return 'set each target above 0, up to 1';
  if (!goals.every((goal) => goal.metric === 'psi-memory-some' || isNode(goal.node)))
    return `name a node from 0 to ${quotaNodeMax} in each goal`;
  return undefined;
}

function isNode(node: number): boolean {
  return Number.isInteger(node) && node >= 0 && node <= quotaNodeMax;
}

function malformed(what: string, advice: string) {
  return failure('quota-malformed', `${what}: ${advice}`);
}
