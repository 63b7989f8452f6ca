import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Executor } from '../../../executor/executor.ts';
import { NO_FRAME_MOVES, type Budgets } from '../../../executor/plan.ts';
import { failure, success } from '../../../executor/result.ts';
import { VERDICT } from '../../../executor/verdict.ts';
import { createEngine } from '../../../runtime/engine.ts';
import { hold } from '../../../runtime/govern/hold.ts';
import type { Shadow } from '../../../runtime/govern/shadow.ts';
import type { Evaluated, StatefulPolicy } from '../../../runtime/policy/policy.ts';
import { createSwitchboard, type Candidate } from '../../../runtime/reload/switchboard.ts';
import type { TelemetrySource } from '../../../runtime/telemetry/source.ts';
import { repetitions, timeoutMs } from '../../proof.ts';
import { sampleOf } from '../samples.ts';

/** How a version behaves; what is absent goes well. */
interface Character {
  readonly loadFails?: boolean;
  /** In its nth epoch, counted from 1. */
  readonly trapsIn?: number;
  readonly saveTraps?: boolean;
  readonly restore?: 'refuses' | 'traps';
  readonly otherName?: boolean;
}

/** `epochs`: how many of them the command comes after the one before. */
type Command = { readonly epochs: number } & (
  | { readonly kind: 'switch'; readonly character: Character; readonly trialEpochs: number }
  | { readonly kind: 'rollback' }
  /** One more policy beside, or the one that has been there longest no more. */
  | { readonly kind: 'show'; readonly character: Character }
  | { readonly kind: 'hide' }
  | { readonly kind: 'close' }
);

/** How long something takes is the scheduler's to say: it decides which of all that is under way comes next. */
type Schedule = <T>(value: T) => Promise<T>;

/** A version with a life that can be told from outside. */
interface Version {
  readonly policy: StatefulPolicy;
  readonly character: Character;
  readonly life: { epochs: number; trialEpochs: number; broken: boolean; closed: number; wrongs: string[] };
}

function createVersion(
  digest: string,
  character: Character,
  trialEpochs: number,
  schedule: Schedule,
): Version {
  const life: Version['life'] = { epochs: 0, trialEpochs, broken: false, closed: 0, wrongs: [] };
  let busy = false;
  let state = 0;

  async function call<T>(name: string, answer: () => T): Promise<T> {
    if (busy) life.wrongs.push(`${name} while it was busy`);
    busy = true;
    // Whoever is closed answers all the same, as a host that is gone does.
    const value = await schedule(answer());
    busy = false;
    return value;
  }

  const trap = failure('policy-trapped', 'on purpose');
  const run = { inputHash: '', fuel: 1, log: [], logDropped: 0 };
  function answerEpoch(): Evaluated {
    state++;
    if (++life.epochs === character.trapsIn) {
      if (life.epochs <= trialEpochs) life.broken = true;
      return { ...trap, run };
    }
    const none = { priorities: new Uint16Array(), reasons: new Uint8Array(), headroom: new Uint32Array() };
    const plan = { regions: Uint32Array.of(0), targets: Uint8Array.of(life.epochs % 2), ...none, wishes: [] };
    return success({ ...run, plan });
  }

  const policy: StatefulPolicy = {
    ...hold,
    manifest: { ...hold.manifest, name: character.otherName ? 'other' : 'version', stateBytesMax: 8 },
    digest,
    evaluate(_, handedOver) {
      handedOver?.();
      if (life.closed > 0) life.wrongs.push('asked after it was closed');
      return call('evaluate', answerEpoch);
    },
    save: () => call('save', () => (character.saveTraps ? trap : success(Uint8Array.of(state)))),
    restore: (_, saved) =>
      call('restore', () => {
        if (character.restore === 'refuses') return failure('restore-refused', 'on purpose');
        if (character.restore === 'traps') {
          life.broken = true;
          return trap;
        }
        state = saved[0]!;
        return success(undefined);
      }),
    async close() {
      life.closed++;
      await schedule(undefined);
    },
  };
  return { policy, character, life };
}

const node = (id: number) => ({
  ...{
    node: id,
    tier: id,
    hasCpus: true,
    capacity: 100,
    room: 50,
    budget: 50,
    latencyNs: 100,
    bandwidthMib: 0,
  },
  moveCostNs: 0,
});
const budgets: Budgets = {
  topologyGeneration: 1,
  members: { kind: 'uid', uid: 0 },
  nodes: [node(0), node(1)],
};

function createWorld(schedule: Schedule): { source: TelemetrySource; executor: Executor } {
  const source: TelemetrySource = {
    next: () => schedule(success(sampleOf([{ owner: 0, page: 1, accesses: 4 }]))),
    close: async () => {},
  };
  const executor: Executor = {
    budgets: () => schedule(success(budgets)),
    check: async () => failure('request-unknown', 'not here'),
    submit: (plan) =>
      schedule(
        success({
          ...{ epoch: plan.epoch, verdicts: new Uint8Array(plan.target.length).fill(VERDICT['in-place']) },
          ...{ movedPages: new Uint32Array(plan.target.length), flows: [], frames: NO_FRAME_MOVES },
          ...{ calls: 0, callNs: 0 },
        }),
      ),
    close: async () => {},
  };
  return { source, executor };
}

const EPOCHS = 16;
const GAP_TURNS = 3;

/** Runs the loop and the commands, in whatever order the scheduler lets them happen, and judges after every epoch. */
async function live(commands: readonly Command[], scheduler: fc.Scheduler) {
  const schedule: Schedule = (value) => scheduler.schedule(Promise.resolve(value));
  const versions: Version[] = [];
  const create = (character: Character, trialEpochs = 0): Version => {
    const version = createVersion(`digest ${versions.length}`, character, trialEpochs, schedule);
    versions.push(version);
    return version;
  };
  const first = create({});
  const engine = createEngine({ ...createWorld(schedule), policy: first.policy, scope: 'all' });
  const switchboard = createSwitchboard({ engine, nowMs: () => 1 });
  let closing = false;
  let ended = false;
  let epoch = 0;

  const open = () => versions.filter(({ life }) => life.closed === 0).map(({ policy }) => policy);
  const versionOf = (digest: string) => versions.find(({ policy }) => policy.digest === digest)!;
  const entered: string[] = [];
  const beside: Shadow[] = [];

  function judge(): void {
    const [active, lastGood] = engine.policies();
    expect(open()).toContain(active);
    if (lastGood) expect(open()).toContain(lastGood);
    expect(switchboard.status().active.digest).toBe(active!.digest);
    if (entered.at(-1) !== active!.digest) entered.push(active!.digest);
    for (const { life } of versions) expect(life.wrongs).toEqual([]);
  }

  async function loop(): Promise<void> {
    for (; epoch < EPOCHS && !closing; epoch++) {
      switchboard.beforeEpoch();
      judge();
      await engine.step();
      await switchboard.afterEpoch();
      judge();
      // A shadow mostly answers before the next epoch begins, and sometimes does not.
      for (let turn = 0; turn < GAP_TURNS; turn++) await schedule(undefined);
    }
    ended = true;
  }

  function hide(): void {
    const shadow = beside.shift();
    if (!shadow) return;
    engine.removeShadow(shadow);
    void shadow.close();
  }

  async function obey(command: Command): Promise<void> {
    const due = epoch + command.epochs;
    await schedule(undefined);
    // oxlint-disable-next-line no-unmodified-loop-condition -- the loop beside this one modifies both
    while (epoch < due && !ended) await schedule(undefined);
    if (command.kind === 'rollback') switchboard.rollBack();
    else if (command.kind === 'close') closing = true;
    else if (command.kind === 'show') beside.push(engine.addShadow(create(command.character).policy, false));
    else if (command.kind === 'hide') hide();
    else {
      const load: Candidate['load'] = async () => {
        if (command.character.loadFails) return schedule(failure('module-invalid', 'on purpose'));
        const { policy } = create(command.character, command.trialEpochs);
        return schedule(success(policy));
      };
      switchboard.begin({ named: 'next', load, trialEpochs: command.trialEpochs });
    }
  }

  const operator = (async () => {
    for (const command of commands) await obey(command);
  })();
  const whole = (async () => {
    await Promise.all([loop(), operator]);
    await switchboard.close();
    judge();
    await engine.close();
  })();
  await Promise.all([whole, scheduler.waitFor(whole)]);
  return { versions, versionOf, entered, status: switchboard.status() };
}

const character: fc.Arbitrary<Character> = fc.record(
  {
    loadFails: fc.boolean(),
    trapsIn: fc.integer({ min: 1, max: 4 }),
    saveTraps: fc.boolean(),
    restore: fc.constantFrom('refuses', 'traps'),
    otherName: fc.boolean(),
  },
  { requiredKeys: [] },
);
const epochs = fc.nat(5);
const switching: fc.Arbitrary<Command> = fc.record({
  epochs,
  kind: fc.constant('switch'),
  character: fc.oneof(fc.constant({}), character),
  trialEpochs: fc.nat(3),
});
const command: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: switching, weight: 5 },
  { arbitrary: fc.record({ epochs, kind: fc.constant('rollback') }), weight: 2 },
  { arbitrary: fc.record({ epochs, kind: fc.constant('close') }), weight: 1 },
  { arbitrary: fc.record({ epochs, kind: fc.constant('show'), character }), weight: 1 },
  { arbitrary: fc.record({ epochs, kind: fc.constant('hide') }), weight: 1 },
);

const numRuns = repetitions({ slice: 300, full: 20_000 });

test(
  'whatever is asked, fails or ends in whatever order, one version that stands is the active one',
  async () => {
    let changes = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 8 }),
        fc.scheduler(),
        async (commands, scheduler) => {
          const { versions, versionOf, entered, status } = await live(commands, scheduler);
          for (const { life } of versions) {
            expect(life.wrongs).toEqual([]);
            expect(life.closed).toBe(1);
          }
          // What broke on its way there never got there.
          for (const digest of entered) expect(versionOf(digest).life.broken).toBe(false);
          changes += entered.length - 1;
          const asked = commands.some(({ kind }) => kind === 'switch');
          if (asked) expect(status.trial === undefined && status.lastSwitch !== undefined).toBe(true);
        },
      ),
      { numRuns },
    );
    // Lest it prove nothing.
    expect(changes).toBeGreaterThan(numRuns / 3);
  },
  timeoutMs(120_000),
);
