import type { Budgets } from '../executor/plan.ts';
import { VERDICT } from '../executor/verdict.ts';
import { numberBlocks } from './blocks.ts';
import { grow } from './columns.ts';
import { METRIC, PLACE_KIND, PLACE_NONE, PLACE_STATE } from './contract.ts';
import type { ColumnName, Metric, Place, RegionEvents, Snapshot } from './contract.ts';
import type { RegionTable } from './region-table.ts';
import type { Sample } from './telemetry/source.ts';

const IDLE_EPOCHS_MAX = 65_535;

export interface SnapshotInputs {
  readonly epoch: number;
  readonly sample: Sample;
  /** Region index of each row of the sample. */
  readonly rowRegion: Uint32Array;
  readonly table: RegionTable;
  readonly events: RegionEvents;
  readonly budgets: Budgets;
}

/** Turns rows found by a source into columns by region index. Its buffers are reused every epoch. */
export interface SnapshotBuilder {
  build(inputs: SnapshotInputs): Snapshot;
  /** What the executor answered for these regions; the next snapshot's `verdict` column shows it. */
  recordVerdicts(regions: Uint32Array, verdicts: Uint8Array): void;
  /** The last plan's verdicts have been shown; they are not shown again. */
  forgetVerdicts(): void;
}

export function createSnapshotBuilder(wanted: ReadonlySet<ColumnName>): SnapshotBuilder {
  let accesses = new Uint32Array(0);
  let writes = new Uint32Array(0);
  let idleEpochs = new Uint16Array(0);
  let place = new Uint8Array(0);
  let flags = new Uint8Array(0);
  let coverage = new Uint8Array(0);
  let verdict = new Uint8Array(0);
  let block = new Uint32Array(0);

  function reserve(regions: number): void {
    if (regions <= accesses.length) return;
    const length = Math.max(1024, regions + (regions >> 2));
    accesses = grow(accesses, length);
    writes = grow(writes, length);
    idleEpochs = grow(idleEpochs, length);
    place = grow(place, length);
    flags = grow(flags, length);
    coverage = grow(coverage, length);
    verdict = grow(verdict, length);
    block = grow(block, length);
  }

  /** Holes must read as empty, so what died is wiped before the living are written. */
  function wipeHoles(table: RegionTable, events: RegionEvents): void {
    for (let i = 0; i < events.kinds.length; i++) {
      const region = events.regions[i];
      const hole = table.pages[region] === 0 ? region : events.others[i];
      if (table.pages[hole] === 0) wipe(hole);
    }
  }

  function wipe(region: number): void {
    accesses[region] =
      writes[region] =
      idleEpochs[region] =
      flags[region] =
      coverage[region] =
      verdict[region] =
        0;
    block[region] = 0;
    place[region] = PLACE_NONE;
  }

  function scatter({ sample, rowRegion, table, budgets, epoch }: SnapshotInputs): void {
    const { rows } = sample;
    const placeOfNode = placesByNode(budgets);
    for (let row = 0; row < rows.owner.length; row++) {
      const region = rowRegion[row];
      const touched = rows.accesses[row] + rows.writes[row] > 0;
      const newborn = table.born[region] === epoch;
      idleEpochs[region] = touched || newborn ? 0 : Math.min(idleEpochs[region] + 1, IDLE_EPOCHS_MAX);
      if (newborn) verdict[region] = 0;
      accesses[region] = rows.accesses[row];
      writes[region] = rows.writes[row];
      place[region] = placeOfNode[rows.node[row]];
      flags[region] = rows.flags[row];
      coverage[region] = rows.coverage[row];
    }
  }

  function columns(table: RegionTable): Snapshot['columns'] {
    const n = table.regions;
    const all = {
      accesses: accesses.subarray(0, n),
      writes: writes.subarray(0, n),
      idleEpochs: idleEpochs.subarray(0, n),
      pages: table.pages.subarray(0, n),
      place: place.subarray(0, n),
      owner: table.owner.subarray(0, n),
      flags: flags.subarray(0, n),
      coverage: coverage.subarray(0, n),
      born: table.born.subarray(0, n),
      verdict: verdict.subarray(0, n),
      block: block.subarray(0, n),
    };
    return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name as ColumnName)));
  }

  return {
    build(inputs) {
      const { table, sample, budgets } = inputs;
      reserve(table.regions);
      wipeHoles(table, inputs.events);
      scatter(inputs);
      if (wanted.has('block')) numberBlocks(sample, inputs.rowRegion, block);
      return {
        number: inputs.epoch,
        lengthMs: Math.round(sample.lengthMs),
        regions: table.regions,
        owners: table.owners,
        samplingPeriod: sample.samplingPeriod,
        places: placesOf(budgets),
        metrics: metricsOf(budgets),
        events: inputs.events,
        columns: columns(table),
      };
    },
    recordVerdicts(regions, verdicts) {
      for (let i = 0; i < regions.length; i++) verdict[regions[i]] = verdicts[i];
    },
    forgetVerdicts() {
      verdict.fill(VERDICT.none);
    },
  };
}

/** A place is a node's position in the executor's budgets, in this epoch. */
function placesOf(budgets: Budgets): Place[] {
  return budgets.nodes.map((node) => ({
    tier: node.tier,
    kind: node.hasCpus ? PLACE_KIND.nodeWithCpus : PLACE_KIND.nodeWithoutCpus,
    state: PLACE_STATE.usable,
    capacity: node.capacity,
    room: node.room,
    budget: node.budget,
    latencyNs: node.latencyNs,
    bandwidthMib: node.bandwidthMib,
  }));
}

function metricsOf(budgets: Budgets): Metric[] {
  return budgets.nodes.flatMap((node, subject) =>
    node.moveCostNs > 0 ? [{ id: METRIC.moveCostNs, subject, value: node.moveCostNs }] : [],
  );
}

function placesByNode(budgets: Budgets): Uint8Array {
  const places = new Uint8Array(256).fill(PLACE_NONE);
  budgets.nodes.forEach(({ node }, place) => (places[node] = place));
  return places;
}
