import { describe, expect, test } from 'vitest';
import { failure, success } from '../../../executor/result.ts';
import { VERDICT } from '../../../executor/verdict.ts';
import { EVENT, PLACE_NONE, type Plan, type Snapshot } from '../../../runtime/contract.ts';
import { DEFAULT_COST_MODEL } from '../../../runtime/cost-model.ts';
import { GOVERN_DEFAULTS } from '../../../runtime/govern/governor.ts';
import { hold } from '../../../runtime/govern/hold.ts';
import { createShadow } from '../../../runtime/govern/shadow.ts';
import type { Evaluated, Policy } from '../../../runtime/policy/policy.ts';
import { epochOf, nodesOf, outcomeOf, type SceneEpoch } from './scene.ts';

type Wish = readonly [region: number, target: number];

function planOf(wishes: readonly Wish[]): Plan {
  return {
    regions: Uint32Array.from(wishes, ([region]) => region),
    targets: Uint8Array.from(wishes, ([, target]) => target),
    priorities: new Uint16Array(),
    ...{ reasons: new Uint8Array(), headroom: new Uint32Array(), wishes: [] },
  };
}

const answerOf = (wishes: readonly Wish[]): Evaluated =>
  success({ plan: planOf(wishes), inputHash: '', fuel: 7, log: [], logDropped: 0 });

/** What a policy was shown, copied, since columns change. */
interface Seen {
  readonly place: readonly number[];
  readonly verdict: readonly number[];
  readonly room: readonly number[];
  readonly kinds: readonly number[];
}

const seenOf = ({ columns, places, events }: Snapshot): Seen => ({
  place: [...columns.place!],
  verdict: [...columns.verdict!],
  room: places.map(({ room }) => room),
  kinds: [...events.kinds],
});

/** A shadow whose policy answers as the test says, when the test says. */
function createScene(options: { readonly initiated?: boolean; readonly harmEpochs?: number } = {}) {
  const seen: Seen[] = [];
  const answers: ((answer: Evaluated) => void)[] = [];
  const policy: Policy = {
    ...hold,
    evaluate(snapshot, handedOver) {
      seen.push(seenOf(snapshot));
      handedOver?.();
      return new Promise((resolve) => answers.push(resolve));
    },
  };
  const { harmEpochs = 32, initiated = false } = options;
  const limits = { ...GOVERN_DEFAULTS, harmEpochs };
  const shadow = createShadow({ policy, model: DEFAULT_COST_MODEL, limits, initiated });

  async function show(epoch: SceneEpoch): Promise<void> {
    const snapshot = epochOf(epoch);
    await shadow.show(snapshot, nodesOf(snapshot));
  }
  return {
    ...{ seen, shadow, show },
    async answer(answer: Evaluated) {
      answers.shift()!(answer);
      await shadow.idle();
    },
    /** One epoch, answered at once. */
    async step(epoch: SceneEpoch, wishes: readonly Wish[] = []) {
      await show(epoch);
      answers.shift()!(answerOf(wishes));
      await shadow.idle();
    },
  };
}

const HOT_SLOW: SceneEpoch = {
  regions: [
    { place: 0, accesses: 0 },
    { place: 1, accesses: 9 },
  ],
  room: [1, 9, 9],
};

describe('a shadow', () => {
  test('sees the world that its plans would have made, and what became of them', async () => {
    const { seen, step, shadow } = createScene();
    await step(HOT_SLOW, [[1, 0]]);
    await step(HOT_SLOW);
    expect(seen).toEqual([
      { place: [0, 1], verdict: [0, 0], room: [1, 9, 9], kinds: [EVENT.forget] },
      { place: [0, 0], verdict: [0, VERDICT.moved], room: [0, 10, 9], kinds: [] },
    ]);
    expect(shadow.report()).toMatchObject({
      ...{ epochs: 2, movedPages: 1, promotedPages: 1, demotedPages: 0, elsewherePages: 1, fuel: 7 },
    });
  });

  test('is slower or faster than what really happens by what it would have moved', async () => {
    const good = createScene();
    await good.step(HOT_SLOW, [[1, 0]]);
    for (let epoch = 0; epoch < 40; epoch++) await good.step(HOT_SLOW);
    const { slowdown, activeSlowdown } = good.shadow.report();
    // Nine accesses at 250 ns beside 100, in a program that waits for memory 60 % of its time.
    expect(slowdown).toBeCloseTo(1, 1);
    expect(activeSlowdown).toBeCloseTo(1.9, 5);
    expect(good.shadow.isHarmful()).toBe(false);

    const bad = createScene();
    await bad.step({ regions: [{ place: 0, accesses: 9 }] }, [[0, 1]]);
    await bad.step({ regions: [{ place: 0, accesses: 9 }] });
    expect(bad.shadow.isHarmful()).toBe(true);
  });

  test('pays for its moves what moves really cost, where that was measured', async () => {
    async function slowdownAt(moveCostNs: number): Promise<number> {
      const { shadow, answer, step } = createScene();
      const snapshot = epochOf(HOT_SLOW);
      await shadow.show(snapshot, nodesOf(snapshot, undefined, moveCostNs));
      await answer(answerOf([[1, 0]]));
      await step(HOT_SLOW);
      return shadow.report().slowdown;
    }
    const unmeasured = await slowdownAt(0);
    expect(await slowdownAt(DEFAULT_COST_MODEL.moveCostNs)).toBe(unmeasured);
    expect(await slowdownAt(100_000)).toBeGreaterThan(unmeasured);
  });

  test('knows which moves were real: they are not somebody else’s', async () => {
    const { seen, show, answer, shadow, step } = createScene();
    await show(HOT_SLOW);
    shadow.carriedOut(Uint32Array.of(1), Uint8Array.of(0), outcomeOf([VERDICT.moved]));
    await answer(answerOf([]));
    await step({ regions: [{ place: 0 }, { place: 0 }], room: [0, 10, 9] });
    expect(seen[1]).toMatchObject({ place: [0, 1], room: [1, 9, 9] });
  });

  test('what somebody else moved is elsewhere in its world too', async () => {
    const { seen, step } = createScene();
    await step(HOT_SLOW);
    await step({ regions: [{ place: 0 }, { place: 2 }] });
    expect(seen[1]?.place).toEqual([0, 2]);
  });

  test('keeps no epoch waiting: it misses those that begin before it has answered, and is told to forget', async () => {
    const { seen, show, answer, step, shadow } = createScene({ initiated: true });
    await show(HOT_SLOW);
    expect(shadow.isCurrent()).toBe(true);
    await show(HOT_SLOW);
    expect([shadow.isIdle(), shadow.isCurrent()]).toEqual([false, false]);
    await answer(answerOf([[1, 0]]));
    await step(HOT_SLOW);
    expect(seen.map(({ kinds }) => kinds)).toEqual([[], [EVENT.forget]]);
    // Its answer came when its indices meant something else.
    expect(seen[1]?.place).toEqual([0, 1]);
    expect(shadow.report()).toMatchObject({ epochs: 1, missed: 1, movedPages: 0 });
  });

  test('a failure counts however late it comes', async () => {
    const { show, answer, shadow } = createScene();
    await show(HOT_SLOW);
    await show(HOT_SLOW);
    await answer({
      ...failure('policy-overran', 'it overran'),
      run: { inputHash: '', fuel: 0, log: [], logDropped: 0 },
    });
    expect(shadow.report()).toMatchObject({ missed: 1, failed: 1, fault: { code: 'policy-overran' } });
  });

  test('that fails says so, and one that names what does not exist has failed', async () => {
    const { show, answer, shadow } = createScene();
    await show(HOT_SLOW);
    await answer({
      ...failure('policy-trapped', 'it trapped'),
      run: { inputHash: '', fuel: 0, log: [], logDropped: 0 },
    });
    expect(shadow.report()).toMatchObject({ epochs: 0, failed: 1, fault: { code: 'policy-trapped' } });
    await show(HOT_SLOW);
    await answer(answerOf([[2, 0]]));
    expect(shadow.report()).toMatchObject({ failed: 2, fault: { code: 'plan-region-out-of-range' } });
  });

  test('an index that was given to another region brings no verdict along, and a newborn is where it would be', async () => {
    const { seen, step } = createScene();
    await step(HOT_SLOW, [[1, 0]]);
    await step({
      regions: [{ place: 0 }, { place: PLACE_NONE, pages: 0 }],
      events: [['died', 1]],
      room: [1, 9, 9],
    });
    await step({ ...HOT_SLOW, events: [['born', 1]] });
    expect(seen[1]).toMatchObject({ verdict: [0, 0], place: [0, PLACE_NONE] });
    expect(seen[2]).toMatchObject({ verdict: [0, 0], place: [0, 1] });
  });
});
