import { SPACE, type Budgets } from '../executor/plan.ts';
import { VERDICT } from '../executor/verdict.ts';
import { numberBlocks } from './blocks.ts';
import { grow } from './columns.ts';
import { EVENT, METRIC, PLACE_KIND, PLACE_NONE, PLACE_STATE } from './contract.ts';
import type { ColumnName, Metric, Place, RegionEvents, Snapshot } from './contract.ts';
import type { RegionTable } from './region-table.ts';
import { countIdle, findRuns, scatterBytes, scatterPlaces, scatterWords } from './scatter.ts';
import type { Sample } from './telemetry/source.ts';

const IDLE_EPOCHS_MAX = 65_535;

export interface SnapshotInputs {
  /** The columns that are asked for now; one that was not before starts as if nothing had been seen yet. */
  readonly wanted: ReadonlySet<ColumnName>;
  readonly epoch: number;
  readonly sample: Sample;
  /** Region index of each row of the sample; `table.regions` for a row that is no region. */
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

export function createSnapshotBuilder(): SnapshotBuilder {
  let accesses = new Uint32Array(0);
  let writes = new Uint32Array(0);
  let idleEpochs = new Uint16Array(0);
  let place = new Uint8Array(0);
  let flags = new Uint8Array(0);
  let coverage = new Uint8Array(0);
  let verdict = new Uint8Array(0);
  let block = new Uint32Array(0);
  let isIdleCounted = true;

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

  /** Holes must read as empty. */
  function wipeHoles({ kinds, regions, others }: RegionEvents): void {
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] === EVENT.died) wipe(regions[i]);
      else if (kinds[i] === EVENT.merged) wipe(others[i]);
    }
  }

  function wipe(region: number): void {
    accesses[region] = writes[region] = idleEpochs[region] = 0;
    flags[region] = coverage[region] = verdict[region] = block[region] = 0;
    place[region] = PLACE_NONE;
  }

  function welcomeNewborns({ kinds, regions, others }: RegionEvents): void {
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] !== EVENT.born && kinds[i] !== EVENT.split) continue;
      const region = kinds[i] === EVENT.born ? regions[i] : others[i];
      idleEpochs[region] = 0;
      verdict[region] = VERDICT.none;
    }
  }

  /** A column at a time: each loop touches little memory and compiles to little code. */
  function fillColumns({ wanted, sample: { rows }, rowRegion, budgets }: SnapshotInputs): void {
    const runs = findRuns(rowRegion, rows.owner.length);
    if (wanted.has('accesses')) scatterWords(rows.accesses, rowRegion, runs, accesses);
    if (wanted.has('writes')) scatterWords(rows.writes, rowRegion, runs, writes);
    if (wanted.has('flags')) scatterBytes(rows.flags, rowRegion, runs, flags);
    if (wanted.has('coverage')) scatterBytes(rows.coverage, rowRegion, runs, coverage);
    if (wanted.has('place')) scatterPlaces(rows.node, rowRegion, placesByNode(budgets), place);
    // What was counted for another policy some time ago is not carried on.
    if (!isIdleCounted) idleEpochs.fill(0);
    isIdleCounted = wanted.has('idleEpochs');
    if (isIdleCounted) countIdle(rows.accesses, rows.writes, rowRegion, idleEpochs);
  }

  /** Nobody looked at them; they are where they were moved to. */
  function fillUnseen({ table, budgets }: SnapshotInputs): void {
    const placeOfNode = placesByNode(budgets);
    for (const { region, node } of table.unseen) {
      accesses[region] = writes[region] = coverage[region] = 0;
      idleEpochs[region] = Math.min(idleEpochs[region] + 1, IDLE_EPOCHS_MAX);
      place[region] = placeOfNode[node];
    }
  }

  function columns({ wanted, table }: SnapshotInputs): Snapshot['columns'] {
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
      const { wanted, table, sample, budgets } = inputs;
      // One more: rows that are no region are written there, and never shown.
      reserve(table.regions + 1);
      wipeHoles(inputs.events);
      fillColumns(inputs);
      fillUnseen(inputs);
      welcomeNewborns(inputs.events);
      if (wanted.has('block') && sample.space === SPACE.virtual)
        numberBlocks(sample, inputs.rowRegion, block);
      return {
        number: inputs.epoch,
        lengthMs: Math.round(sample.lengthMs),
        regions: table.regions,
        owners: table.owners,
        samplingPeriod: sample.samplingPeriod,
        places: placesOf(budgets),
        metrics: metricsOf(budgets),
        events: inputs.events,
        columns: columns(inputs),
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
