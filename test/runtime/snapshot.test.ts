import { describe, expect, test } from 'vitest';
import type { Budgets } from '../../executor/plan.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { COLUMNS, METRIC, PLACE_NONE, type ColumnName } from '../../runtime/contract.ts';
import { createRegionTable } from '../../runtime/region-table.ts';
import { createSnapshotBuilder } from '../../runtime/snapshot.ts';
import { carriedPlan, framesOf, type FrameRow } from './regions/frame-samples.ts';
import { sampleOf, type TestRow } from './samples.ts';

const place = { hasCpus: true, capacity: 100, room: 50, budget: 50, latencyNs: 80, bandwidthMib: 0 };
const budgets: Budgets = {
  topologyGeneration: 1,
  members: { kind: 'uid', uid: 0 },
  nodes: [
    { ...place, node: 0, tier: 0, moveCostNs: 0 },
    { ...place, node: 2, tier: 1, hasCpus: false, moveCostNs: 1500 },
  ],
};

function createFixture(wanted = Object.keys(COLUMNS) as ColumnName[]) {
  const table = createRegionTable();
  const builder = createSnapshotBuilder();
  let epoch = 0;
  return {
    builder,
    epoch(rows: readonly TestRow[], columns = wanted) {
      epoch++;
      const sample = sampleOf(rows);
      const rowRegion = new Uint32Array(rows.length);
      const events = table.update(sample, epoch, rowRegion);
      if (!events.ok) throw new Error(events.message);
      return builder.build({
        ...{ wanted: new Set(columns), epoch, sample, rowRegion, table, events: events.value, budgets },
      });
    },
  };
}

describe('snapshot', () => {
  test('rows become columns by index; nodes become places', () => {
    const { epoch } = createFixture();
    const snapshot = epoch([
      { owner: 0, page: 1, node: 2, accesses: 4 },
      { owner: 1, page: 1, node: 0 },
      { owner: 1, page: 2, node: 9 },
    ]);
    expect(snapshot).toMatchObject({ number: 1, regions: 3, owners: 2 });
    expect(snapshot.columns).toMatchObject({
      accesses: Uint32Array.of(4, 0, 0),
      place: Uint8Array.of(1, 0, PLACE_NONE),
      owner: Uint16Array.of(0, 1, 1),
      born: Uint32Array.of(1, 1, 1),
      block: Uint32Array.of(1, 1, 1),
    });
    expect(snapshot.metrics).toEqual([{ id: METRIC.moveCostNs, subject: 1, value: 1500 }]);
  });

  test('a column that was not wanted for a while starts as if nothing had been seen', () => {
    const { epoch } = createFixture();
    const row = { owner: 0, page: 1 };
    epoch([row]);
    epoch([row]);
    expect(epoch([row]).columns.idleEpochs).toEqual(Uint16Array.of(2));
    expect(epoch([row], ['pages']).columns.idleEpochs).toBeUndefined();
    expect(epoch([row]).columns.idleEpochs).toEqual(Uint16Array.of(1));
  });

  test('a hole reads as nothing', () => {
    const { epoch } = createFixture();
    epoch([
      { owner: 0, page: 1, accesses: 4 },
      { owner: 0, page: 2, accesses: 5 },
    ]);
    const { columns } = epoch([{ owner: 0, page: 2, accesses: 6 }]);
    expect(columns).toMatchObject({
      pages: Uint32Array.of(0, 1),
      accesses: Uint32Array.of(0, 6),
      place: Uint8Array.of(PLACE_NONE, 0),
    });
  });

  test('idle epochs count up and restart at an access', () => {
    const { epoch } = createFixture();
    const row = { owner: 0, page: 1 };
    epoch([row]);
    epoch([row]);
    expect(epoch([row]).columns.idleEpochs).toEqual(Uint16Array.of(2));
    expect(epoch([{ ...row, accesses: 1 }]).columns.idleEpochs).toEqual(Uint16Array.of(0));
  });

  test('verdicts are shown once', () => {
    const { builder, epoch } = createFixture();
    const rows = [
      { owner: 0, page: 1 },
      { owner: 0, page: 2 },
    ];
    epoch(rows);
    builder.recordVerdicts(Uint32Array.of(1), Uint8Array.of(VERDICT.moved));
    expect(epoch(rows).columns.verdict).toEqual(Uint8Array.of(VERDICT.none, VERDICT.moved));
    builder.forgetVerdicts();
    expect(epoch(rows).columns.verdict).toEqual(Uint8Array.of(0, 0));
  });

  test('a region that was moved shows its verdict and its new place before any sample shows it', () => {
    const table = createRegionTable();
    const builder = createSnapshotBuilder();
    const wanted = new Set(Object.keys(COLUMNS) as ColumnName[]);
    const show = (epoch: number, ...rows: FrameRow[]) => {
      const sample = framesOf(rows);
      const rowRegion = new Uint32Array(rows.length);
      const events = table.update(sample, epoch, rowRegion);
      if (!events.ok) throw new Error(events.message);
      return builder.build({
        ...{ wanted, epoch, sample, rowRegion, table, events: events.value, budgets },
      });
    };
    show(1, [7], [8]);
    const plan = carriedPlan([0], [[0, 7, 1007]], [VERDICT.moved]);
    table.follow({ ...plan, target: Uint8Array.of(2) });
    builder.recordVerdicts(plan.regions, plan.verdicts);
    const before = show(2, [7, 1, 'listed'], [8]);
    expect(before).toMatchObject({ regions: 2, owners: 1 });
    expect(before.columns).toMatchObject({
      pages: Uint32Array.of(1, 1),
      place: Uint8Array.of(1, 0),
      coverage: Uint8Array.of(0, 255),
      idleEpochs: Uint16Array.of(1, 1),
      born: Uint32Array.of(1, 1),
      verdict: Uint8Array.of(VERDICT.moved, 0),
      block: Uint32Array.of(0, 0),
    });
    builder.forgetVerdicts();
    // What the listed row left behind does not show in the region that is born there.
    expect(show(3, [7], [8], [1007]).columns).toMatchObject({
      idleEpochs: Uint16Array.of(2, 2, 0),
      verdict: new Uint8Array(3),
      coverage: Uint8Array.of(255, 255, 255),
    });
  });

  test('neighbourhoods have consecutive numbers, a hole skips one', () => {
    const { epoch } = createFixture();
    const pages = [0, 63, 64, 300, 319, 320];
    const { columns } = epoch([...pages.map((page) => ({ owner: 0, page })), { owner: 1, page: 0 }]);
    expect(columns.block).toEqual(Uint32Array.of(1, 1, 2, 4, 4, 5, 1));
  });

  test('only asked-for columns cross', () => {
    const { epoch } = createFixture(['accesses', 'place']);
    expect(Object.keys(epoch([{ owner: 0, page: 1 }]).columns)).toEqual(['accesses', 'place']);
  });
});
