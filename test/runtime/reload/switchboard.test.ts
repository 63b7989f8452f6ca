import { afterEach, describe, expect, test } from 'vitest';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import { countsOf, inWords, openStage, type Stage } from './stage.ts';
import { build, counter, inZoo, load, REFUSES_STATE, TRAPS_AT_FORGET, type Edits } from './versions.ts';

const TRIAL_EPOCHS = 3;
const MOVES = { moves: 2 };
let stage: Stage;
afterEach(() => stage?.close());

const loadCounter = async (version: string, ...edits: Edits) =>
  loadPolicy({ policy: await build(...counter(version, ...edits)), settings: MOVES });

async function openWithCounter(): Promise<Stage> {
  const first = await loadCounter('1.0.0');
  if (!first.ok) throw new Error(first.message);
  // It moves to and fro without sense, and is not to be stopped for that.
  return openStage(first.value, { harmShareMax: 9 });
}

/** Epochs in which another one entered, and how. */
const entries = () =>
  stage.decisions().flatMap(({ epoch, entered }) => (entered ? [`${epoch} ${entered}`] : []));
const whoDecided = () =>
  stage.decisions().map(({ policy, rung }) => `${policy.name} ${policy.version} ${rung}`);

describe('a version that stands its trial', () => {
  test('takes the state over, sees every epoch, has nothing to forget, and decides after so many; nothing is missed', async () => {
    stage = await openWithCounter();
    await stage.epochs(2);
    await stage.begin(loadCounter('2.0.0', TRAPS_AT_FORGET), TRIAL_EPOCHS);
    expect(stage.switchboard.status().trial).toMatchObject({
      policy: 'next',
      stage: 'preparing',
      epochsWanted: 3,
    });
    const reports = await stage.epochs(1 + TRIAL_EPOCHS);
    expect(stage.switchboard.status().trial).toMatchObject({
      stage: 'shadow',
      shadow: { name: 'counter', version: '2.0.0', epochs: TRIAL_EPOCHS, missed: 0, failed: 0, sinceMs: 3 },
    });
    reports.push(...(await stage.epochs(2)));
    expect(reports.map(countsOf)).toEqual([3, 4, 5, 6, 7, 8].map((shown) => [shown, 0]));
    expect(whoDecided().map((each) => each.slice(8, 11))).toEqual([
      '1.0',
      '1.0',
      '1.0',
      '1.0',
      '1.0',
      '1.0',
      '2.0',
      '2.0',
    ]);
    expect(entries()).toEqual(['7 switched']);
    const { active, lastGood, trial, lastSwitch } = stage.switchboard.status();
    expect([inWords(active), inWords(lastGood), trial]).toEqual([
      'counter 2.0.0 since 7',
      'counter 1.0.0 since 7',
      undefined,
    ]);
    expect(lastSwitch).toEqual({
      ...{ policy: 'next', outcome: 'switched', atMs: 7 },
      message: 'counter@2.0.0 decides instead of counter@1.0.0; it took over 8 bytes of state, version 1',
    });
    expect(stage.ends).toEqual([lastSwitch]);
  });

  test('without a trial decides the next epoch, with the state', async () => {
    stage = await openWithCounter();
    await stage.epochs(2);
    await stage.begin(loadCounter('2.0.0'), 0);
    const reports = await stage.epochs(2);
    expect(reports.map(countsOf)).toEqual([
      [3, 0],
      [4, 0],
    ]);
    expect(entries()).toEqual(['4 switched']);
  });

  test('and does not take the state starts without it and says so', async () => {
    stage = await openWithCounter();
    await stage.epochs(2);
    await stage.begin(loadCounter('2.0.0', REFUSES_STATE), TRIAL_EPOCHS);
    const reports = await stage.epochs(2 + TRIAL_EPOCHS);
    // Told to forget in its first epoch, the fourth, it takes the three before for missed.
    expect(countsOf(reports.at(-1)!)).toEqual([TRIAL_EPOCHS + 1, 3]);
    expect(stage.ends).toMatchObject([
      { outcome: 'switched', message: expect.stringMatching(/; it starts without state: .*not this one$/) },
    ]);
  });

  test('may have the same name and other settings: heat keeps its state', async () => {
    stage = openStage(await load(inZoo('heat')));
    await stage.epochs(2);
    const settings = { horizon: 20 };
    await stage.begin(loadPolicy({ policy: inZoo('heat'), settings }), TRIAL_EPOCHS, 'heat');
    const reports = await stage.epochs(3 + TRIAL_EPOCHS);
    expect(reports.map(({ fault }) => fault)).toEqual(Array.from(reports, () => undefined));
    expect(stage.ends).toMatchObject([
      {
        policy: 'heat',
        outcome: 'switched',
        message: expect.stringMatching(/took over \d{3,} bytes of state/),
      },
    ]);
    expect(stage.engine.policies().map((policy) => policy.settings.horizon)).toEqual([20, 10]);
  });
});

describe('the way back', () => {
  test('the former version decides the next epoch again, with what it knew, and the other one ends', async () => {
    stage = await openWithCounter();
    await stage.epochs(2);
    await stage.begin(loadCounter('2.0.0'), 0);
    await stage.epochs(3);
    const [second] = stage.engine.policies();
    expect(stage.switchboard.rollBack()).toBe('rolled-back');
    expect(stage.switchboard.status().active.version).toBe('2.0.0');
    const reports = await stage.epochs(2);
    // Epochs 4 and 5 were the other one's.
    expect(reports.map(countsOf)).toEqual([
      [4, 2],
      [5, 2],
    ]);
    expect(entries()).toEqual(['4 switched', '6 rolled-back']);
    const { active, lastGood, lastSwitch } = stage.switchboard.status();
    expect([inWords(active), lastGood]).toEqual(['counter 1.0.0 since 6', undefined]);
    expect(lastSwitch).toMatchObject({
      ...{ policy: 'counter@2.0.0', outcome: 'rolled-back', message: 'counter@1.0.0 decides again' },
    });
    expect(await second!.evaluate(reports[1]!.snapshot!)).toMatchObject({ message: 'the policy is closed' });
    expect(stage.switchboard.rollBack()).toBeUndefined();
  });

  test('a switch under way is given up instead, and the policy that decides stays', async () => {
    stage = await openWithCounter();
    await stage.begin(loadCounter('2.0.0'), 5);
    await stage.epochs(2);
    expect(stage.switchboard.status().trial?.stage).toBe('shadow');
    expect(stage.switchboard.rollBack()).toBe('abandoned');
    expect((await stage.epochs(3)).map(countsOf)).toEqual([
      [3, 0],
      [4, 0],
      [5, 0],
    ]);
    expect(stage.ends).toMatchObject([{ policy: 'next', outcome: 'abandoned' }]);
    expect(entries()).toEqual([]);
  });
});

describe('a version that is refused ends alone', () => {
  async function expectRefused(code: string, epochs: number, patient = true): Promise<void> {
    for (let i = 0; i < epochs && stage.ends.length === 0; i++) await stage.epoch({ patient });
    expect(stage.ends).toMatchObject([
      { policy: 'next', outcome: 'refused', code, message: expect.any(String) },
    ]);
    const [first, ...others] = stage.engine.policies();
    expect([first?.manifest.version, others, stage.switchboard.status().trial]).toEqual([
      '1.0.0',
      [],
      undefined,
    ]);
    expect((await stage.epoch()).fault).toBeUndefined();
    expect(stage.decisions().every(({ rung, fault }) => rung === 'chosen' && !fault)).toBe(true);
    expect(entries()).toEqual([]);
  }

  test('because it does not load', async () => {
    stage = await openWithCounter();
    await stage.begin(loadPolicy({ policy: '/nowhere.wasm' }), TRIAL_EPOCHS);
    await expectRefused('policy-not-found', 1);
  });

  test('because it traps at the state; without a trial, too', async () => {
    for (const trialEpochs of [TRIAL_EPOCHS, 0]) {
      stage = openStage(await load(inZoo('heat')));
      await stage.epochs(2);
      await stage.begin(loadPolicy({ policy: await build('heat@brittle') }), trialEpochs);
      await expectRefused('policy-trapped', 2);
      if (trialEpochs > 0) await stage.close();
    }
  });

  test('because it traps in its trial', async () => {
    stage = await openWithCounter();
    await stage.begin(
      loadPolicy({ policy: await build('moody'), settings: { from: 3, to: 3 } }),
      TRIAL_EPOCHS,
    );
    await expectRefused('policy-trapped', 5);
    expect(stage.switchboard.status().lastSwitch?.atMs).toBe(4);
  });

  test('because under it the program would be slower', async () => {
    stage = openStage(await load(inZoo('hold')));
    await stage.begin(loadPolicy({ policy: await build('worse') }), 6);
    await expectRefused('policy-harmful', 9);
    expect(stage.ends[0]?.message).toMatch(
      /^under it the program would be slowed down \d\.\d{3} times, as it is 1\.\d{3}/,
    );
    expect(stage.switchboard.status().lastSwitch?.atMs).toBe(8);
  });

  test('because it misses its deadline', async () => {
    stage = await openWithCounter();
    const limits = { epochDeadlineMs: 200, fuelPerEpoch: Infinity };
    await stage.begin(
      loadPolicy({ policy: await build('rogue'), settings: { mode: 'loop' }, limits }),
      TRIAL_EPOCHS,
    );
    await expectRefused('policy-overran', 5);
  });

  test('because it has missed more epochs than it was to see, deadline or not', async () => {
    stage = await openWithCounter();
    const limits = { epochDeadlineMs: 3_600_000, fuelPerEpoch: Infinity };
    const looping = loadPolicy({ policy: await build('rogue'), settings: { mode: 'loop' }, limits });
    await stage.begin(looping, TRIAL_EPOCHS);
    await stage.epoch();
    await expectRefused('policy-overran', 1 + TRIAL_EPOCHS + 2, false);
    expect(stage.ends[0]?.message).toMatch(/^it missed 4 epochs and answered 0: /);
    expect(stage.switchboard.status().lastSwitch?.atMs).toBe(1 + 1 + TRIAL_EPOCHS + 2);
  });
});

describe('a newer candidate supersedes one', () => {
  test('that is being loaded: it is closed as soon as it stands', async () => {
    stage = await openWithCounter();
    const late = Promise.withResolvers<Awaited<ReturnType<typeof loadCounter>>>();
    const first = stage.begin(late.promise, TRIAL_EPOCHS, 'first');
    await stage.begin(loadCounter('3.0.0'), 0, 'second');
    const version = await loadCounter('2.0.0');
    late.resolve(version);
    await first;
    await stage.epochs(2);
    expect(stage.ends).toMatchObject([
      { policy: 'first', outcome: 'superseded', message: 'second came after it' },
      { policy: 'second', outcome: 'switched' },
    ]);
    expect(version.ok && (await version.value.save())).toMatchObject({ message: 'the policy is closed' });
  });

  test('that is tried', async () => {
    stage = await openWithCounter();
    await stage.begin(loadCounter('2.0.0'), 9, 'first');
    await stage.epochs(3);
    await stage.begin(loadCounter('3.0.0'), 1, 'second');
    await stage.epochs(3);
    expect(stage.ends.map(({ policy, outcome }) => `${policy} ${outcome}`)).toEqual([
      ...['first superseded', 'second switched'],
    ]);
    expect(inWords(stage.switchboard.status().active)).toBe('counter 3.0.0 since 6');
  });
});

test('the end abandons what is under way, and takes no more', async () => {
  stage = await openWithCounter();
  const late = Promise.withResolvers<Awaited<ReturnType<typeof loadCounter>>>();
  void stage.begin(late.promise, TRIAL_EPOCHS);
  const ended = stage.switchboard.close();
  const version = await loadCounter('2.0.0');
  late.resolve(version);
  await ended;
  expect(stage.ends).toMatchObject([{ outcome: 'abandoned', message: 'the daemon ended' }]);
  expect(version.ok && (await version.value.save())).toMatchObject({ message: 'the policy is closed' });
  stage.switchboard.begin({ named: 'x', trialEpochs: 0, load: () => expect.fail('it is loaded') });
  expect(stage.switchboard.rollBack()).toBeUndefined();
  expect(stage.ends).toHaveLength(1);
});
