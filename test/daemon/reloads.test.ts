import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Decision } from '../../runtime/govern/decision.ts';
import { repetitions, timeoutMs } from '../proof.ts';
import { descendants, until } from './daemon-process.ts';
import { countDescriptors, readAnonymousBytes } from './process-figures.ts';
import { EPOCH_MS, hashOfCounts, openReloadStage, TRIAL_EPOCHS, type ReloadStage } from './reload-stage.ts';

const RELOADS = repetitions({ slice: 15, full: 1000 });
const STRETCHES = repetitions({ slice: 3, full: 20 });
const isFull = STRETCHES === 20;

/**
 * What a reload may add, as a share of the epochs, median of the stretches. In each a process starts, which takes one
 * of two processors that executor, sensor, host and this test share; and 20 ms epochs are a fiftieth of the default.
 */
const DROPPED_SHARE_MORE_MAX = 0.005;
const LATE_SHARE_MORE_MAX = 0.05;
/** What V8 may keep for longer one time than another. */
const HEAP_NOISE_BYTES = 4 * 1024 * 1024;

let stage: ReloadStage;
beforeAll(async () => {
  stage = await openReloadStage();
}, timeoutMs(60_000));
afterAll(() => stage?.end());

interface Stretch {
  readonly ms: number;
  readonly epochs: number;
  readonly lateShare: number;
  readonly droppedShare: number;
}

async function measure(during: () => Promise<void>): Promise<Stretch> {
  const began = performance.now();
  const before = await stage.status();
  await during();
  const after = await stage.status();
  const [late, dropped] = [after.late - before.late, after.dropped - before.dropped];
  const epochs = after.epoch - before.epoch;
  const ms = performance.now() - began;
  return { ms, epochs, lateShare: late / (epochs + dropped), droppedShare: dropped / (epochs + dropped) };
}

/**
 * Policies of a chain hand over how many epochs they were shown and how many they missed as shadows, so both are
 * known of every epoch, exactly; `missed` may grow where a version enters, by the epochs of its trial.
 */
function createCensus() {
  let epoch = 0;
  let missed = 0;
  let entered = 0;

  function take(decision: Decision): void {
    expect(decision).toMatchObject({ epoch: ++epoch, rung: 'chosen' });
    expect(decision.fault).toBeUndefined();
    const isNew = decision.entered === 'switched';
    if (isNew) entered++;
    const most = missed + (isNew ? TRIAL_EPOCHS : 0);
    while (hashOfCounts(epoch - missed, missed) !== decision.plan?.hash)
      if (++missed > most) throw new Error(`state was lost before epoch ${epoch}`);
  }

  return { take, sum: () => ({ epochs: epoch, entered, missed }) };
}

test(
  'reloads every few hundred milliseconds lose no state and hold up no epoch',
  async () => {
    const census = createCensus();
    const descriptors: number[] = [];
    const anonymous: number[] = [];
    const [calm, reloading]: [Stretch[], Stretch[]] = [[], []];
    let overran = 0;

    async function reload(): Promise<void> {
      const { outcome, code, message } = await stage.reload();
      // A machine that is busy with something else; it is tried again.
      if (code === 'policy-overran' && ++overran < RELOADS) return reload();
      expect({ outcome, message }).toMatchObject({ outcome: 'switched' });
      descriptors.push(countDescriptors(stage.pid));
      anonymous.push(readAnonymousBytes(stage.pid));
    }

    // From here on somebody is kept to fall back on.
    await reload();
    const settled = await settle();
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      const busy = await measure(async () => {
        for (let i = 0; i < RELOADS / STRETCHES; i++) await reload();
      });
      reloading.push(busy);
      calm.push(await measure(() => stage.watch(busy.ms)));
      stage.readDecisions().forEach(census.take);
    }

    const { totals, active, lastGood, trial, shadows } = await stage.status();
    expect({ failed: totals.failed, trial, shadows }).toEqual({ failed: 0, trial: undefined, shadows: [] });
    expect(new Set([active.version, lastGood?.version])).toEqual(new Set(['1.0.0', '2.0.0']));
    expect(totals.movedPages).toBeGreaterThan(0);
    const { entered, ...counted } = census.sum();
    expect(entered).toBe(RELOADS + 1);
    // Hosts and their descriptors have gone with those who were replaced.
    await until(() => isAs(settled), 'as many processes and descriptors as before');
    const trends = { descriptors: compareTenths(descriptors), anonymous: compareTenths(anonymous) };
    const shares = {
      late: moreThan(reloading, calm, 'lateShare'),
      dropped: moreThan(reloading, calm, 'droppedShare'),
    };
    console.log(JSON.stringify({ reloads: entered, ...counted, overran, ...settled, ...trends, ...shares }));
    if (!isFull) return;
    expect(overran).toBe(0);
    expect(shares.dropped.more).toBeLessThanOrEqual(DROPPED_SHARE_MORE_MAX);
    expect(shares.late.more).toBeLessThanOrEqual(LATE_SHARE_MORE_MAX);
    expect(trends.descriptors.last).toBe(trends.descriptors.first);
    expect(trends.anonymous.last).toBeLessThanOrEqual(trends.anonymous.first + HEAP_NOISE_BYTES);
  },
  timeoutMs(120_000),
);

interface Settled {
  readonly hosts: number;
  readonly open: number;
}

function look(): Settled {
  return { hosts: descendants(stage.pid).length, open: countDescriptors(stage.pid) };
}

function isAs(settled: Settled): boolean {
  const { hosts, open } = look();
  return hosts === settled.hosts && open === settled.open;
}

/** Once nothing has changed for a while. */
async function settle(): Promise<Settled> {
  let settled = look();
  let since = performance.now();
  await until(() => {
    if (!isAs(settled)) [settled, since] = [look(), performance.now()];
    return performance.now() - since > 50 * EPOCH_MS;
  }, 'as many processes and descriptors for a second');
  return settled;
}

/** The least of the first tenth and of the last: what is there in between is garbage, or about to go. */
function compareTenths(values: readonly number[]): { readonly first: number; readonly last: number } {
  const tenth = Math.max(1, Math.floor(values.length / 10));
  return { first: Math.min(...values.slice(0, tenth)), last: Math.min(...values.slice(-tenth)) };
}

function moreThan(busy: readonly Stretch[], calm: readonly Stretch[], share: 'lateShare' | 'droppedShare') {
  const [reloading, without] = [busy, calm].map((each) => median(each.map((stretch) => stretch[share])));
  return { reloading: reloading!, without: without!, more: reloading! - without! };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
