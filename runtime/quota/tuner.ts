import type { Failure } from '../../executor/result.ts';
import { quotaTuningMsMin } from '../limits.ts';
import { HUGE_PAGE_BYTES } from './bucket.ts';
import { nextRate, scoreOf, type RateBounds } from './goal.ts';
import { openMetric, type Metric, type MetricFault } from './metrics.ts';
import type { Quota } from './quota.ts';

export interface QuotaMeans {
  /** Milliseconds since any moment; must not go backwards. */
  readonly nowMs: () => number;
  /** Of the file system that has /proc and /sys; `/` live. */
  readonly root: string;
  /** Told when a metric can be read no longer, once until it can be again. */
  readonly warn?: (failed: Failure<MetricFault>) => void;
}

/** The rate of one quota, by its goals. */
export interface Tuner {
  /** Without goals the ceiling; with goals the floor, from which DAMOS starts too. */
  readonly bytesPerSecondAtFirst: number;
  /** The rate after `last`. Looks at the metrics at most once in `quotaTuningMsMin`; the rate stays where one is missing. */
  tune(last: number): number;
}

export function createTuner(quota: Quota, means: QuotaMeans): Tuner {
  const bounds = { floor: quota.bytesPerSecondMin ?? HUGE_PAGE_BYTES, ceiling: quota.bytesPerSecond };
  const goals = quota.goals ?? [];
  if (goals.length === 0) return { bytesPerSecondAtFirst: bounds.ceiling, tune: (last) => last };
  const scores = goals.map((goal) => watch(openMetric(goal, means.root), goal.target, means));
  let tunedAtMs = -Infinity;
  return {
    bytesPerSecondAtFirst: nextRate(0, 0, bounds),
    tune(last) {
      const now = means.nowMs();
      // A clock that was set back must not stop the loop until it has caught up.
      if (now >= tunedAtMs && now - tunedAtMs < quotaTuningMsMin) return last;
      tunedAtMs = now;
      return follow(
        last,
        scores.map((score) => score(now)),
        bounds,
      );
    },
  };
}

/** As in DAMOS the highest score counts, which asks for the least. */
function follow(last: number, scores: readonly (number | undefined)[], bounds: RateBounds): number {
  const known = scores.filter((score) => score !== undefined);
  return known.length < scores.length ? last : nextRate(last, Math.max(...known), bounds);
}

function watch(read: Metric, target: number, { warn }: QuotaMeans): (nowMs: number) => number | undefined {
  let isMissing = false;
  return (nowMs) => {
    const share = read(nowMs);
    if (!share.ok && !isMissing) warn?.(share);
    isMissing = !share.ok;
    return share.ok && share.value !== undefined ? scoreOf(share.value, target) : undefined;
  };
}
