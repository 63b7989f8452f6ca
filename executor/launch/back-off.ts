import { LAUNCH_BOUNDS } from './limits.ts';

/**
 * How long a service that ended after `livedMs` waits until it is started again, in milliseconds. `waitedMs` is what
 * it waited for the life that ended; 0 = that was its first.
 */
export function nextWaitMs(waitedMs: number, livedMs: number): number {
  const { restartMsMin, restartMsMax, restartResetMs } = LAUNCH_BOUNDS;
  if (waitedMs === 0 || livedMs >= restartResetMs) return restartMsMin;
  return Math.min(waitedMs * 2, restartMsMax);
}
