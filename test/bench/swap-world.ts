import type { Executor } from '../../executor/executor.ts';
import { NO_FRAME_MOVES, SPACE, type Budgets } from '../../executor/plan.ts';
import { failure, success } from '../../executor/result.ts';
import { VERDICT } from '../../executor/verdict.ts';
import type { Sample, TelemetrySource } from '../../runtime/telemetry/source.ts';

const budgetPages = 4096;
const firstPage = 4096;
/** Another tenth of all is hot after so many epochs, so that there is always something to move. */
const shiftEpochs = 16;
const shifts = 4;

/** One process with so many pages, half of them fast, whose moves cost the caller next to nothing. */
export function createSwapWorld(regions: number): {
  readonly source: TelemetrySource;
  readonly executor: Executor;
} {
  const rows = {
    ...{ owner: new Uint16Array(regions), writes: new Uint32Array(regions), flags: new Uint8Array(regions) },
    pageNumber: Float64Array.from({ length: regions }, (_, page) => firstPage + page),
    pages: new Uint32Array(regions).fill(1),
    coverage: new Uint8Array(regions).fill(255),
    node: Uint8Array.from({ length: regions }, (_, page) => noiseOf(page) & 1),
  };
  const seen = Array.from({ length: shifts }, (_, shift) =>
    Uint32Array.from({ length: regions }, (_, page) => accessesOf(page, shift)),
  );
  const about = { lengthMs: 1000, samplingPeriod: 1000, space: SPACE.virtual };
  const owners = [{ pid: 1, startTimeTicks: 1, stackStart: '140722000000000' }];
  const fast = rows.node.reduce((sum, node) => sum + 1 - node, 0);
  let room = budgetPages;
  let epoch = 0;

  function look(): Sample {
    const accesses = seen[Math.floor(epoch++ / shiftEpochs) % shifts]!;
    return { ...about, owners, rows: { ...rows, accesses } };
  }

  function budgets(): Budgets {
    const node = { bandwidthMib: 0, budget: budgetPages, moveCostNs: 3000 };
    return {
      topologyGeneration: 1,
      members: { kind: 'cgroup', path: '/bench' },
      nodes: [
        { ...node, node: 0, tier: 0, hasCpus: true, capacity: fast + budgetPages, room, latencyNs: 80 },
        { ...node, node: 1, tier: 1, hasCpus: false, capacity: regions, room: regions, latencyNs: 250 },
      ],
    };
  }

  const executor: Executor = {
    budgets: async () => success(budgets()),
    check: async () => failure('request-unknown', 'nobody asks here'),
    async submit({ epoch: number, pageNumber, target }) {
      for (let i = 0; i < target.length; i++) {
        const page = pageNumber[i]! - firstPage;
        room += (rows.node[page] === 0 ? 1 : 0) - (target[i] === 0 ? 1 : 0);
        rows.node[page] = target[i]!;
      }
      return success({
        ...{ epoch: number, flows: [], frames: NO_FRAME_MOVES, calls: 1, callNs: 1 },
        verdicts: new Uint8Array(target.length).fill(VERDICT.moved),
        movedPages: new Uint32Array(target.length).fill(1),
      });
    },
    close: async () => {},
  };
  return { source: { next: async () => success(look()), close: async () => {} }, executor };
}

function noiseOf(page: number): number {
  return Math.imul(page + 1, 2_654_435_761) >>> 20;
}

function accessesOf(page: number, shift: number): number {
  const noise = Math.imul(page + 1, 2_654_435_761) >>> 8;
  if ((noise + shift) % 10 === 0) return 20 + (noise % 200);
  return noise % 7 === 0 ? 1 : 0;
}
