import { expect, test } from 'vitest';
import type { Budgets } from '../../../executor/plan.ts';
import { failure } from '../../../executor/result.ts';
import { VERDICT } from '../../../executor/verdict.ts';
import { addEpoch, NO_TOTALS } from '../../../runtime/daemon/totals.ts';
import { outcomeOf } from '../govern/scene.ts';

const node = (id: number, tier: number): Budgets['nodes'][number] => ({
  ...{ node: id, tier, hasCpus: false, capacity: 1, room: 1, budget: 1, latencyNs: 0, bandwidthMib: 0 },
  moveCostNs: 0,
});
/** Ids say nothing of how fast a node is: 7 is the fastest, then 0 and 3. */
const budgets: Budgets = {
  ...{ topologyGeneration: 1, members: { kind: 'uid', uid: 0 } },
  nodes: [node(7, 0), node(0, 1), node(3, 1)],
};

test('pages by direction, entries that were refused', () => {
  const outcome = outcomeOf(
    [VERDICT.moved, VERDICT['in-place'], VERDICT['over-budget'], VERDICT['owner-gone'], VERDICT.moved],
    [
      { from: 0, to: 7, pages: 5 },
      { from: 7, to: 3, pages: 11 },
      { from: 0, to: 3, pages: 100 },
      { from: 3, to: 9, pages: 1000 },
    ],
  );
  const once = addEpoch(NO_TOTALS, { epoch: 1, budgets, outcome });
  expect(once).toEqual({ movedPages: 1116, promotedPages: 5, demotedPages: 11, refused: 2, failed: 0 });
  expect(addEpoch(once, { epoch: 2, budgets, outcome })).toEqual({
    ...{ movedPages: 2232, promotedPages: 10, demotedPages: 22, refused: 4, failed: 0 },
  });
});

test('epochs that failed, those of a pause aside', () => {
  const fault = failure('sensor-unreachable', 'gone');
  const failed = addEpoch(NO_TOTALS, { epoch: 1, fault });
  expect(failed).toEqual({ ...NO_TOTALS, failed: 1 });
  expect(addEpoch(failed, { epoch: 2, fault: failure('paused', 'on request') })).toEqual(failed);
  expect(addEpoch(failed, { epoch: 3 })).toEqual(failed);
});
