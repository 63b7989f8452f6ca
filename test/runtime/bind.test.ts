import { describe, expect, test } from 'vitest';
import type { Budgets, NodeBudget } from '../../executor/plan.ts';
import { SPACE } from '../../executor/plan.ts';
import { bindPlan } from '../../runtime/bind.ts';
import type { Plan } from '../../runtime/contract.ts';
import { createRegionTable } from '../../runtime/region-table.ts';
import { sampleOf } from './samples.ts';

const node = (id: number): NodeBudget => ({
  node: id,
  tier: id,
  hasCpus: id === 0,
  capacity: 100,
  room: 50,
  budget: 50,
  latencyNs: 0,
  bandwidthMib: 0,
  moveCostNs: 0,
});
const budgets: Budgets = {
  topologyGeneration: 9,
  members: { kind: 'uid', uid: 0 },
  nodes: [node(0), node(4)],
};
const none = {
  priorities: new Uint16Array(),
  reasons: new Uint8Array(),
  headroom: new Uint32Array(),
  wishes: [],
};

function bind(plan: Partial<Plan>, invalidShareMax = 0) {
  const table = createRegionTable();
  const rowRegion = new Uint32Array(3);
  table.update(
    sampleOf([
      { owner: 0, page: 7 },
      { owner: 0, page: 9 },
      { owner: 1, page: 8, pages: 512 },
    ]),
    1,
    rowRegion,
  );
  table.update(
    sampleOf([
      { owner: 0, page: 7 },
      { owner: 1, page: 8, pages: 512 },
    ]),
    2,
    rowRegion,
  );
  const whole = { regions: new Uint32Array(), targets: new Uint8Array(), ...none, ...plan };
  const inputs = { table, budgets, scope: 'demo', epoch: 2, space: SPACE.virtual };
  return bindPlan({ ...inputs, plan: whole, invalidShareMax });
}

describe('bindPlan', () => {
  test('indices become owners, pages and nodes; only planned owners cross', () => {
    const bound = bind({
      regions: Uint32Array.of(2),
      targets: Uint8Array.of(1),
      priorities: Uint16Array.of(5),
      headroom: Uint32Array.of(3, 4),
    });
    expect(bound).toMatchObject({
      ok: true,
      value: {
        invalid: 0,
        bound: {
          epoch: 2,
          scope: 'demo',
          topologyGeneration: 9,
          owners: [{ pid: 2 }],
          owner: Uint16Array.of(0),
          pageNumber: Float64Array.of(8),
          pages: Uint32Array.of(512),
          target: Uint8Array.of(4),
          priority: Uint16Array.of(5),
          headroom: [
            { node: 0, pages: 3 },
            { node: 4, pages: 4 },
          ],
        },
      },
    });
  });

  test.each([
    ['plan-region-out-of-range', { regions: Uint32Array.of(3), targets: Uint8Array.of(0) }],
    ['plan-region-dead', { regions: Uint32Array.of(1), targets: Uint8Array.of(0) }],
    ['plan-region-twice', { regions: Uint32Array.of(0, 2, 0), targets: Uint8Array.of(0, 0, 1) }],
    ['plan-place-out-of-range', { regions: Uint32Array.of(0), targets: Uint8Array.of(2) }],
    ['plan-headroom-out-of-range', { headroom: Uint32Array.of(1, 1, 1) }],
  ])('%s refuses the whole plan', (code, plan) => {
    expect(bind(plan)).toMatchObject({ ok: false, code });
  });

  test('up to the share that may be invalid, entries are left out and the others bound', () => {
    const plan = {
      regions: Uint32Array.of(3, 0, 0, 1, 2, 2),
      targets: Uint8Array.of(0, 7, 1, 0, 0, 1),
      priorities: Uint16Array.of(1, 2, 3, 4, 5, 6),
      reasons: Uint8Array.of(9, 8, 7, 6, 5, 4),
    };
    expect(bind(plan, 0.66)).toMatchObject({ ok: false, code: 'plan-region-out-of-range' });
    const some = bind(plan, 0.67);
    expect(some).toMatchObject({
      ok: true,
      value: {
        invalid: 4,
        plan: {
          regions: Uint32Array.of(0, 2),
          targets: Uint8Array.of(1, 0),
          priorities: Uint16Array.of(3, 5),
          reasons: Uint8Array.of(7, 5),
        },
        bound: {
          pageNumber: Float64Array.of(7, 8),
          target: Uint8Array.of(4, 0),
          priority: Uint16Array.of(3, 5),
        },
      },
    });
  });
});
