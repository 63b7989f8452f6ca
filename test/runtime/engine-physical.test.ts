import { describe, expect, test } from 'vitest';
import type { Executor } from '../../executor/executor.ts';
import type { BoundPlan, Budgets, Outcome } from '../../executor/plan.ts';
import { NO_FRAME_MOVES, SPACE } from '../../executor/plan.ts';
import { failure, success } from '../../executor/result.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { createEngine } from '../../runtime/engine.ts';
import type { Policy } from '../../runtime/policy/policy.ts';
import { framesOf, type FrameRow } from './regions/frame-samples.ts';

const node = (id: number) => ({
  node: id,
  tier: id,
  hasCpus: true,
  capacity: 100,
  room: 50,
  budget: 50,
  latencyNs: 0,
  bandwidthMib: 0,
  moveCostNs: 0,
});
const budgets: Budgets = {
  topologyGeneration: 1,
  members: { kind: 'uid', uid: 0 },
  nodes: [node(0), node(1)],
};

/** Samples and answers of the executor, epoch by epoch, and a policy that wants region 0 in place 1. */
function createScene(samples: readonly (readonly FrameRow[])[], answers: readonly ('moved' | 'lost')[]) {
  const bound: BoundPlan[] = [];
  let epoch = 0;
  const policy: Policy = {
    manifest: {
      abi: '1.0',
      name: 'first-up',
      version: '1.0.0',
      description: '',
      columns: ['pages', 'place', 'verdict'],
      stateVersion: 0,
      stateBytesMax: 0,
      settings: [],
      reasons: [],
    },
    digest: '',
    settings: {},
    async evaluate({ columns }) {
      const isThere = columns.pages![0]! > 0;
      const plan = {
        regions: new Uint32Array(isThere ? 1 : 0),
        targets: new Uint8Array(isThere ? 1 : 0).fill(1),
        priorities: new Uint16Array(),
        reasons: new Uint8Array(),
        headroom: new Uint32Array(),
        wishes: [],
      };
      return success({ plan, inputHash: '', fuel: 0, log: [], logDropped: 0 });
    },
    async ready() {},
    async close() {},
  };
  const executor: Executor = {
    budgets: async () => success(budgets),
    check: async () => failure('request-unknown', 'not here'),
    async submit(plan) {
      bound.push(plan);
      const answer = answers[epoch++];
      if (answer === 'lost') return failure('executor-unreachable', 'it went away');
      return success(answer === 'moved' ? moveBy1000(plan) : { ...moveBy1000(plan), frames: NO_FRAME_MOVES });
    },
    async close() {},
  };
  let next = 0;
  const source = { next: async () => success(framesOf(samples[next++]!)), async close() {} };
  return { engine: createEngine({ source, policy, executor, scope: 'all' }), bound };
}

function moveBy1000({ epoch, pageNumber, pages }: BoundPlan): Outcome {
  return {
    epoch,
    verdicts: Uint8Array.from(pageNumber, () => VERDICT.moved),
    movedPages: pages,
    flows: [],
    frames: {
      entry: Uint32Array.from(pageNumber, (_, at) => at),
      from: pageNumber,
      to: pageNumber.map((frame) => frame + 1000),
      pages,
    },
    calls: 1,
    callNs: 0,
  };
}

describe('engine, by frames', () => {
  test('plans for a region name the frame that its contents are in by then', async () => {
    const { engine, bound } = createScene([[[7]], [[7, 1, 'listed']], [[1007]]], ['moved']);
    await engine.step();
    const second = await engine.step();
    expect(second.snapshot!.columns).toMatchObject({
      place: Uint8Array.of(1),
      verdict: Uint8Array.of(VERDICT.moved),
    });
    await engine.step();
    expect(bound.map(({ pageNumber, space, owners }) => [pageNumber[0], space[0], owners])).toEqual([
      [7, SPACE.physical, []],
      [1007, SPACE.physical, []],
      [1007, SPACE.physical, []],
    ]);
  });

  test('an answer that was lost claims nothing: whose frame is gone ends', async () => {
    const { engine } = createScene([[[7]], [[1007]], [[1007]]], ['lost']);
    expect((await engine.step()).fault).toMatchObject({ code: 'executor-unreachable' });
    const { snapshot } = await engine.step();
    expect(snapshot!.columns).toMatchObject({
      pages: Uint32Array.of(0, 1),
      verdict: Uint8Array.of(VERDICT.none, VERDICT.none),
    });
  });

  test('nor does it once a move before it is known of', async () => {
    const { engine, bound } = createScene([[[7]], [], [[2007]]], ['moved', 'lost']);
    await engine.step();
    await engine.step();
    expect(bound[1]!.pageNumber[0]).toBe(1007);
    const { snapshot } = await engine.step();
    expect(snapshot!.columns.pages).toEqual(Uint32Array.of(0, 1));
  });
});
