/** A goal that is just reached, in basis points. */
export const GOAL_SCORE = 10_000;
/** From twice its target on a metric says nothing more: the rate falls to its floor at once. */
export const SCORE_MAX = 2 * GOAL_SCORE;

/** How far a metric has come towards its target, in whole basis points from 0 to `SCORE_MAX`. */
export function scoreOf(current: number, target: number): number {
  if (target <= 0) return SCORE_MAX;
  return Math.min(SCORE_MAX, Math.max(0, Math.floor((current / target) * GOAL_SCORE)));
}

export interface RateBounds {
  readonly floor: number;
  readonly ceiling: number;
}

/**
 * DAMOS' feedback loop (Linux, mm/damon/core.c, `damon_feed_loop_next_input`): assuming that rate and score are
 * proportional, the rate changes by the share of the goal that is missing or exceeded. It at most doubles. A
 * floor of 0 counts as one byte a second, or no rate could ever rise again.
 */
export function nextRate(last: number, score: number, { floor, ceiling }: RateBounds): number {
  const next = last * ((GOAL_SCORE - score) / GOAL_SCORE + 1);
  return Math.min(ceiling, Math.max(next, floor, 1));
}
