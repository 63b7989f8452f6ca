import path from 'node:path';
import { CommanderError } from 'commander';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXIT } from '../../../runtime/cli/terminal.ts';
import type { ScopeStatus, SwitchStatus, TrialStatus } from '../../../runtime/control/status.ts';
import { trialEpochsMax } from '../../../runtime/limits.ts';
import { NOW_MS, somePolicy, someScope, someShadow } from '../control/some-status.ts';
import { someStatus, type Recorder } from '../control/some-status.ts';
import { createServedDaemon } from './served-daemon.ts';
import { captureTerminal, type CapturedTerminal } from './some-terminal.ts';

const { renew, stop, run, remove } = createServedDaemon();
let daemon: Recorder;

const setScopes = (...scopes: readonly ScopeStatus[]): void => {
  daemon.now = someStatus(...scopes);
};

beforeEach(async () => void (daemon = await renew()));
afterEach(stop);
afterAll(remove);

const eager = somePolicy('eager', '2.0.0', 12_000);
const preparing: TrialStatus = { policy: 'eager', stage: 'preparing', epochsWanted: 2 };
const inShadow = (epochs: number, more = {}): TrialStatus => ({
  ...{ policy: 'eager', stage: 'shadow', epochsWanted: 2 },
  shadow: someShadow(eager, { epochs, ...more }),
});
const ended = (outcome: SwitchStatus['outcome'], more: Partial<SwitchStatus> = {}): SwitchStatus => ({
  ...{ policy: 'eager', outcome, message: 'so it ended', atMs: NOW_MS },
  ...more,
});
const before = ended('switched', { atMs: NOW_MS - 1000, message: 'long ago' });

/** A scope that has moved so many pages. */
const at = (movedPages: number, more: Partial<ScopeStatus>): ScopeStatus =>
  someScope('batch', {
    totals: {
      movedPages,
      promotedPages: movedPages / 2,
      demotedPages: movedPages / 2,
      refused: 0,
      failed: 0,
    },
    ...more,
  });

describe('terrace policy switch', () => {
  /** What the daemon tells before the switch, right after it, and then poll by poll. */
  async function follow(
    first: ScopeStatus,
    later: readonly ScopeStatus[],
    args: readonly string[] = [],
    screen?: { readonly columns: number; readonly rows: number },
  ): Promise<CapturedTerminal> {
    setScopes(first);
    const [next, ...rest] = later;
    const { switchPolicy } = daemon;
    daemon.switchPolicy = async (request) => {
      if (next) setScopes(next);
      return switchPolicy(request);
    };
    const events = rest.map((scope) => () => setScopes(scope));
    return run(['policy', 'switch', 'eager', ...args], captureTerminal(events, screen));
  }

  test('tells stage by stage, then both policies over the same epochs, then the end', async () => {
    const terminal = await follow(at(1000, { lastSwitch: before }), [
      at(1500, { lastSwitch: before, trial: preparing }),
      at(1500, { lastSwitch: before, trial: preparing }),
      at(2000, { lastSwitch: before, trial: inShadow(1) }),
      at(46_500, { lastSwitch: before, trial: inShadow(2) }),
      at(50_000, { lastSwitch: ended('switched') }),
    ]);
    expect(daemon.asked).toEqual([['switch', { scope: 'batch', policy: 'eager' }]]);
    expect(terminal.stderr()).toBe('');
    expect(terminal.stdout()).toBe(
      [
        'switch it is',
        'preparing eager',
        "shadow 1/2: slowdown 1.210, active's 1.250, modelled gain 3.2 %",
        "shadow 2/2: slowdown 1.210, active's 1.250, modelled gain 3.2 %",
        '',
        '2 epochs       slowdown pages moved    promoted     demoted',
        'eager@2.0.0       1.210      98,981      45,067      53,914',
        'heat@1.0.0        1.250      45,000      22,500      22,500',
        'modelled gain 3.2 %; 1,204 pages would be elsewhere',
        '',
        'switched: so it ended',
        '',
      ].join('\n'),
    );
    expect(terminal.slept).toEqual([200, 200, 200, 200]);
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('draws its progress on one line of a screen', async () => {
    const later = [
      at(0, { trial: inShadow(1) }),
      at(0, { trial: inShadow(2, { slowdown: 1.5 }) }),
      at(0, { lastSwitch: ended('switched') }),
    ];
    const terminal = await follow(at(0, {}), later, [], { columns: 40, rows: 24 });
    expect(terminal.stdout()).toContain(
      "\rshadow 1/2: slowdown 1.210, active's 1.\x1b[K\rshadow 2/2: slowdown 1.500, active's 1.\x1b[K\n",
    );
    expect(terminal.stdout()).toContain('modelled loss 20.0 %; ');
  });

  test.each([
    ['refused', { code: 'policy-harmful' }, 'policy-harmful: so it ended'],
    ['refused', {}, 'switch-refused: so it ended'],
    ['superseded', {}, 'switch-superseded: so it ended'],
    ['abandoned', {}, 'switch-abandoned: so it ended'],
  ] as const)('%s is a failure', async (outcome, more, told) => {
    const last = at(0, { lastSwitch: ended(outcome, more) });
    const terminal = await follow(at(0, {}), [at(0, { trial: preparing }), last]);
    expect(terminal.stderr()).toBe(`terrace: ${told}\n`);
    expect(terminal.exitCode()).toBe(EXIT.failed);
  });

  test('one that is over at once is told all the same', async () => {
    const terminal = await follow(at(0, { lastSwitch: before }), [at(0, { lastSwitch: ended('switched') })]);
    expect(terminal.stdout()).toBe('switch it is\nswitched: so it ended\n');
  });

  test('another one in its place supersedes it, also between two looks', async () => {
    const other = ended('switched', { policy: 'other' });
    for (const last of [at(0, { trial: { ...preparing, policy: 'other' } }), at(0, { lastSwitch: other })]) {
      const terminal = await follow(at(0, {}), [at(0, { trial: preparing }), last]);
      expect(terminal.stderr()).toBe('terrace: switch-superseded: other was switched to instead\n');
    }
  });

  test('that it superseded another itself is not its end', async () => {
    const superseded = ended('superseded', { policy: 'other' });
    const terminal = await follow(at(0, { trial: { ...preparing, policy: 'other' } }), [
      at(0, { lastSwitch: superseded }),
      at(0, { lastSwitch: superseded, trial: preparing }),
      at(0, { lastSwitch: ended('switched') }),
    ]);
    expect(terminal.stdout()).toContain('switched: so it ended\n');
  });

  test('a daemon that tells nothing of it is not waited for', async () => {
    const silent = Array.from({ length: 9 }, () => at(0, { lastSwitch: before }));
    const terminal = await follow(at(0, { lastSwitch: before }), silent);
    expect(terminal.stderr()).toMatch(/^terrace: switch-lost: /);
    expect(terminal.slept).toHaveLength(4);
  });

  test('an interrupt leaves it going on, and says so', async () => {
    const terminal = await follow(at(0, {}), [at(0, { trial: preparing })]);
    expect(terminal.stdout()).toBe(
      'switch it is\npreparing eager\nthe switch goes on; `terrace status` tells of it, `terrace policy rollback` abandons it\n',
    );
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('a daemon that goes away meanwhile is a failure', async () => {
    setScopes(at(0, { trial: preparing }));
    const terminal = await run(['policy', 'switch', 'eager'], captureTerminal([stop]));
    expect(terminal.stderr()).toMatch(/^terrace: daemon-unreachable: /);
    expect(terminal.exitCode()).toBe(EXIT.failed);
  });

  test('--no-wait, settings, epochs and scope are passed on', async () => {
    setScopes(someScope('batch'), someScope('other'));
    const flags = ['--set', 'hot=2', '--set', 'on=true', '--epochs', '0', '--scope', 'other', '--no-wait'];
    const terminal = await run(['policy', 'switch', 'heat@1.0.0', ...flags]);
    const request = { scope: 'other', policy: 'heat@1.0.0', settings: { hot: 2, on: true }, trialEpochs: 0 };
    expect(daemon.asked).toEqual([['switch', request]]);
    expect(terminal.stdout()).toBe('switch it is\n');
  });

  test.each(['mine.wasm', './mine.ts', 'folder/mine'])('the file %s is made absolute', async (file) => {
    const terminal = await run(['policy', 'switch', file, '--no-wait']);
    expect(daemon.asked).toEqual([['switch', { scope: 'batch', policy: path.resolve(file) }]]);
    expect(terminal.exitCode()).toBe(EXIT.done);
  });

  test('which scope must be clear', async () => {
    setScopes(someScope('batch'), someScope('other'));
    const unclear = await run(['policy', 'switch', 'eager']);
    expect(unclear.stderr()).toBe(
      'terrace: scope-unknown: more than one scope is served; name one of: batch, other\n',
    );
    const wrong = await run(['policy', 'switch', 'eager', '--scope', 'third']);
    expect(wrong.stderr()).toContain('there is no scope third; name one of: batch, other');
    expect(daemon.asked).toEqual([]);
  });

  test.each(['-1', '1.5', 'x', String(trialEpochsMax + 1)])('--epochs %s is misuse', async (epochs) => {
    await expect(run(['policy', 'switch', 'eager', '--epochs', epochs])).rejects.toThrow(CommanderError);
    expect(daemon.asked).toEqual([]);
  });
});

describe('terrace policy list', () => {
  const hold = { ...somePolicy('hold', '1.0.0', 90_000), digest: '' };
  const lastGood = somePolicy('heat', '0.9.0', 280_000_000);
  const learned = someShadow(somePolicy('learned', '0.3.0', 4_000_000));

  beforeEach(() =>
    setScopes(
      someScope('batch', { lastGood, trial: inShadow(1), shadows: [learned] }),
      someScope('other', { active: hold, trial: preparing }),
    ),
  );

  test('shows each with its part', async () => {
    expect((await run(['policy', 'list'])).stdout()).toBe(
      [
        'scope  role       policy         digest          for',
        'batch  active     heat@1.0.0     68656174312e    2h 14m',
        'batch  last good  heat@0.9.0     68656174302e    3d 5h',
        'batch  trial      eager@2.0.0    656167657232    12s',
        'batch  shadow     learned@0.3.0  6c6561726e65    1h 6m',
        'other  active     hold@1.0.0     built in        1m 30s',
        'other  trial      eager          being prepared',
        '',
      ].join('\n'),
    );
  });

  test('--scope and --json', async () => {
    const terminal = await run(['policy', 'list', '--scope', 'other', '--json']);
    expect(JSON.parse(terminal.stdout())).toEqual([
      { scope: 'other', role: 'active', ...hold },
      { scope: 'other', role: 'trial', name: 'eager' },
    ]);
    const wrong = await run(['policy', 'list', '--scope', 'third']);
    expect(wrong.stderr()).toMatch(/^terrace: scope-unknown: /);
  });
});
