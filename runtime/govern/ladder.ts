/**
 * Who decides. The rungs are policies in order of preference; the last one, `hold`, cannot fail. A policy
 * that fails or does harm is benched for a number of epochs that doubles each time, and the first rung that
 * is not benched is on duty. Pure: no clock but the epochs it is told of.
 */

/** What an epoch said of the policy on duty. */
export type Happening =
  /** It answered a plan that could be carried out. */
  | 'good'
  /** It answered none. */
  | 'failed'
  /** With it the program is slower than without. */
  | 'harmful'
  /** Nothing: it was not asked, or others failed. */
  | 'unasked';

export interface LadderLimits {
  /** Failed epochs in a row after which a policy is benched; one is enough for a policy on trial. */
  readonly failedEpochsMax: number;
  /** Epochs on the bench the first time; every further time twice as many … */
  readonly retryEpochsMin: number;
  /** … up to this. */
  readonly retryEpochsMax: number;
  /** Good epochs in a row that undo one doubling; more than the breaker needs to see harm. */
  readonly recoveredEpochs: number;
}

interface Bench {
  /** Epochs until the rung may serve again; 0 = it may. */
  readonly waitEpochs: number;
  /** Times it was benched, less those made good. Above 0 = on trial. */
  readonly falls: number;
}

export interface Ladder {
  /** Of every rung but `hold`, the most wanted first. */
  readonly benches: readonly Bench[];
  /** Of the rung on duty, in a row. */
  readonly failed: number;
  readonly good: number;
}

/** Why the next epoch is another policy's. */
export interface RungChange {
  readonly from: number;
  readonly to: number;
  readonly reason: 'failed' | 'harmful' | 'retried';
  /** Epochs until `from` is tried again; 0 after `retried`. */
  readonly waitEpochs: number;
}

/**
 * @param policies how many rungs there are above `hold`
 * @param onTrial the first one is new: one failed epoch benches it
 */
export function createLadder(policies: number, onTrial = false): Ladder {
  const benches = Array.from({ length: policies }, (_, at) => ({
    waitEpochs: 0,
    falls: onTrial && at === 0 ? 1 : 0,
  }));
  return { benches, failed: 0, good: 0 };
}

/** The rung that decides the coming epoch; `benches.length` = `hold`. */
export function onDuty({ benches }: Ladder): number {
  const ready = benches.findIndex(({ waitEpochs }) => waitEpochs === 0);
  return ready < 0 ? benches.length : ready;
}

/** The ladder after an epoch. */
export function advance(ladder: Ladder, happening: Happening, limits: LadderLimits): Ladder {
  const rung = onDuty(ladder);
  const rested = { ...ladder, benches: ladder.benches.map(rest) };
  const told = rung === ladder.benches.length ? rested : tell(rested, rung, happening, limits);
  return onDuty(told) === rung ? told : { ...told, failed: 0, good: 0 };
}

/** What changed from one ladder to the next, if anything. */
export function compareLadders(before: Ladder, after: Ladder, happening: Happening): RungChange | undefined {
  const [from, to] = [onDuty(before), onDuty(after)];
  if (from === to) return undefined;
  if (to < from) return { from, to, reason: 'retried', waitEpochs: 0 };
  const reason = happening === 'harmful' ? 'harmful' : 'failed';
  return { from, to, reason, waitEpochs: after.benches[from].waitEpochs };
}

function rest({ waitEpochs, falls }: Bench): Bench {
  return { waitEpochs: Math.max(0, waitEpochs - 1), falls };
}

function tell(ladder: Ladder, rung: number, happening: Happening, limits: LadderLimits): Ladder {
  if (happening === 'unasked') return ladder;
  if (happening === 'good') return praise(ladder, rung, limits);
  const failed = ladder.failed + 1;
  const isOnTrial = ladder.benches[rung].falls > 0;
  const isTolerated = happening === 'failed' && !isOnTrial && failed < limits.failedEpochsMax;
  return isTolerated ? { ...ladder, failed, good: 0 } : bench(ladder, rung, limits);
}

function praise(ladder: Ladder, rung: number, { recoveredEpochs }: LadderLimits): Ladder {
  const good = ladder.good + 1;
  const { waitEpochs, falls } = ladder.benches[rung];
  if (good < recoveredEpochs) return { ...ladder, failed: 0, good };
  const benches = ladder.benches.with(rung, { waitEpochs, falls: Math.max(0, falls - 1) });
  return { benches, failed: 0, good: 0 };
}

function bench(ladder: Ladder, rung: number, { retryEpochsMin, retryEpochsMax }: LadderLimits): Ladder {
  const { falls } = ladder.benches[rung];
  const waitEpochs = Math.min(retryEpochsMin * 2 ** falls, retryEpochsMax);
  // Beyond the maximum a fall changes nothing but how long it takes to be trusted again.
  const isAtMax = waitEpochs === retryEpochsMax && falls > 0;
  const benches = ladder.benches.with(rung, { waitEpochs, falls: isAtMax ? falls : falls + 1 });
  return { ...ladder, benches };
}
