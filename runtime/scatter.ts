/**
 * From rows of a sample to columns by region. Neighbouring rows mostly have neighbouring indices, and copying
 * such a run is five times as fast as writing its values one by one.
 *
 * One function per kind of array: V8 compiles a loop over several kinds to several times the time.
 */

/** Rows whose regions are consecutive: `row[i]` is the first of run i, `region[i]` its region. */
export interface Runs {
  readonly count: number;
  /** One more than `count`; the last is the number of rows. */
  readonly row: Uint32Array;
  readonly region: Uint32Array;
}

/** With fewer rows a run there is nothing to gain: what describes a copy is garbage to be collected. */
const RUN_ROWS_MEAN_MIN = 256;

/** undefined = too few neighbours. */
export function findRuns(rowRegion: Uint32Array, rows: number): Runs | undefined {
  const countMax = Math.floor(rows / RUN_ROWS_MEAN_MIN);
  const row = new Uint32Array(countMax + 1);
  const region = new Uint32Array(countMax);
  let count = 0;
  for (let start = 0, end = 0; start < rows; start = end) {
    if (count === countMax) return undefined;
    row[count] = start;
    region[count++] = rowRegion[start];
    const offset = rowRegion[start] - start;
    end = start + 1;
    while (end < rows && rowRegion[end] - end === offset) end++;
  }
  row[count] = rows;
  return { count, row, region };
}

export function scatterBytes(
  values: Uint8Array,
  rowRegion: Uint32Array,
  runs: Runs | undefined,
  column: Uint8Array,
): void {
  if (runs) copyRuns(values, runs, column);
  else for (let row = 0; row < values.length; row++) column[rowRegion[row]] = values[row];
}

export function scatterWords(
  values: Uint32Array,
  rowRegion: Uint32Array,
  runs: Runs | undefined,
  column: Uint32Array,
): void {
  if (runs) copyRuns(values, runs, column);
  else for (let row = 0; row < values.length; row++) column[rowRegion[row]] = values[row];
}

function copyRuns(
  values: Uint8Array | Uint32Array,
  { count, row, region }: Runs,
  column: Uint8Array | Uint32Array,
) {
  for (let run = 0; run < count; run++) column.set(values.subarray(row[run], row[run + 1]), region[run]);
}

export function scatterPlaces(
  node: Uint8Array,
  rowRegion: Uint32Array,
  placeOfNode: Uint8Array,
  place: Uint8Array,
): void {
  for (let row = 0; row < node.length; row++) place[rowRegion[row]] = placeOfNode[node[row]];
}

/** Epochs since the last access, by region; saturates at 65,535. */
export function countIdle(
  accesses: Uint32Array,
  writes: Uint32Array,
  rowRegion: Uint32Array,
  idleEpochs: Uint16Array,
): void {
  for (let row = 0; row < accesses.length; row++) {
    const region = rowRegion[row];
    const idle = idleEpochs[region];
    const touched = (accesses[row] | writes[row]) !== 0;
    idleEpochs[region] = touched ? 0 : idle + (idle < 65_535 ? 1 : 0);
  }
}
