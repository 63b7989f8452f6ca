import { SPACE, type Budgets } from '../../executor/plan.ts';
import { COLUMNS, type ColumnName } from '../../runtime/contract.ts';
import { createRegionTable } from '../../runtime/region-table.ts';
import { createSnapshotBuilder } from '../../runtime/snapshot.ts';
import { createRowBuilder } from '../../runtime/telemetry/sample-rows.ts';
import type { Sample } from '../../runtime/telemetry/source.ts';
import { threadNs } from './thread-time.ts';
import { besideC, comparePairs, type PairFigures } from './twin.ts';

const pages = 1_000_000;
/** One page in so many is born, and another dies, in every epoch. */
const churn = 100;
const rounds = { rounds: 40, warmUpRounds: 20 };

export interface SnapshotFigures {
  readonly pages: number;
  readonly churning: PairFigures;
  readonly quiet: PairFigures;
}

/** From the rows of a physical sample to the columns a policy sees, all columns wanted, beside C. */
export function benchSnapshot(): Promise<SnapshotFigures> {
  return besideC('snapshot', async (folder) => {
    const bench = (every: number) =>
      comparePairs(prepareEpochs(every), folder.start(String(pages), String(every)), rounds);
    return { pages, churning: await bench(churn), quiet: await bench(2 * pages) };
  });
}

function prepareEpochs(every: number): () => number {
  const samples = [sampleWithout(0, every, 0), sampleWithout(every / 2, every, 1)];
  const table = createRegionTable();
  const snapshots = createSnapshotBuilder();
  const wanted = new Set(Object.keys(COLUMNS) as ColumnName[]);
  const rowRegion = new Uint32Array(pages);
  let epoch = 0;
  return () => {
    const sample = samples[++epoch % 2];
    const start = threadNs();
    const events = table.update(sample, epoch, rowRegion);
    if (!events.ok) throw new Error(events.message);
    const snapshot = snapshots.build({
      wanted,
      epoch,
      sample,
      rowRegion,
      table,
      events: events.value,
      budgets,
    });
    const ns = threadNs() - start;
    if (snapshot.columns.accesses?.length !== snapshot.regions) throw new Error('columns are missing');
    return ns;
  };
}

function sampleWithout(absent: number, every: number, which: number): Sample {
  const rows = createRowBuilder();
  rows.reserve(pages);
  for (let frame = 0; frame < pages; frame++) {
    const accesses = (Math.floor(frame / 64) + which) % 3 === 0 ? 1 : 0;
    if (frame % every !== absent) rows.add(0, frame, 1, frame & 1, accesses, 0, 0, 255);
  }
  return { lengthMs: 1_000, samplingPeriod: 1, space: SPACE.physical, owners: [], rows: rows.take() };
}

const budgets: Budgets = {
  topologyGeneration: 1,
  members: { kind: 'uid', uid: 0 },
  nodes: [0, 1].map((node) => ({
    ...{ node, tier: node, hasCpus: node === 0, capacity: pages, room: pages, budget: pages },
    ...{ latencyNs: 100, bandwidthMib: 0, moveCostNs: 0 },
  })),
};
