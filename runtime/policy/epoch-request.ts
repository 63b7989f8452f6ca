import { CHUNK_REGIONS, COLUMNS, COLUMN_KINDS } from '../contract.ts';
import type { ColumnArray, ColumnName, Metric, Place, Snapshot } from '../contract.ts';
import { eventsMax, metricsMax, ownersMax, placesMax, regionCountMax } from '../limits.ts';
import { COLUMN_ABSENT, METRIC_BYTES, PLACE_BYTES, REQUEST_AT } from './wire.ts';

/** Columns start at page boundaries, so that each is copied page by page and none shares one. */
const ALIGN_BYTES = 4096;

/** Takes what a snapshot holds, each part at its position, and may keep none of it. */
export type InputSink = (values: ArrayBufferView<ArrayBufferLike>, position: number) => void;

/** A snapshot as a policy is handed it: `request` says where everything lies, the rest puts it there. */
export interface EpochInput {
  /** Chunks of at most `CHUNK_REGIONS` regions, in which the columns are handed over. */
  readonly chunks: number;
  /** Places, metrics and events: what `begin` takes. */
  writeLists(sink: InputSink): void;
  /** The columns of one chunk: what one `observe` takes. */
  writeChunk(sink: InputSink, chunk: number): void;
}

/** Lays a snapshot out, the columns that the policy asked for. */
export function layOutEpoch(
  request: DataView,
  snapshot: Snapshot,
  wanted: readonly ColumnName[],
): EpochInput {
  checkSnapshot(snapshot);
  const { number, lengthMs, regions, owners, samplingPeriod, places, metrics, events } = snapshot;
  const u32 = (field: number, value: number): void => request.setUint32(field, value, true);
  u32(REQUEST_AT.number, number);
  u32(REQUEST_AT.lengthMs, lengthMs);
  u32(REQUEST_AT.regions, regions);
  u32(REQUEST_AT.owners, owners);
  u32(REQUEST_AT.samplingPeriod, samplingPeriod);
  u32(REQUEST_AT.places, places.length);
  u32(REQUEST_AT.metrics, metrics.length);
  u32(REQUEST_AT.events, events.kinds.length);
  let end = 0;
  const lay = (field: number, values: Laid['values']): Laid => {
    const position = end;
    request.setFloat64(field, position, true);
    end += Math.ceil(values.byteLength / ALIGN_BYTES) * ALIGN_BYTES;
    return { values, position };
  };
  const lists = [
    lay(REQUEST_AT.placesAt, encodePlaces(places)),
    lay(REQUEST_AT.metricsAt, encodeMetrics(metrics)),
    lay(REQUEST_AT.kindsAt, events.kinds),
    lay(REQUEST_AT.regionsAt, events.regions),
    lay(REQUEST_AT.othersAt, events.others),
  ];
  const columns = wanted.flatMap((name) => {
    const column = snapshot.columns[name];
    const field = REQUEST_AT.columnsAt + COLUMNS[name].id * 8;
    if (column !== undefined) return [lay(field, checkColumn(name, column, regions))];
    request.setFloat64(field, COLUMN_ABSENT, true);
    return [];
  });
  request.setFloat64(REQUEST_AT.inputBytes, end, true);
  return {
    chunks: Math.ceil(regions / CHUNK_REGIONS),
    writeLists: (sink) => lists.forEach(({ values, position }) => sink(values, position)),
    writeChunk(sink, chunk) {
      for (const { values, position } of columns) writePart(sink, values, position, chunk, regions);
    },
  };
}

interface Laid {
  readonly values: ArrayBufferView<ArrayBufferLike>;
  readonly position: number;
}

function writePart(
  sink: InputSink,
  { buffer, byteOffset, byteLength }: Laid['values'],
  position: number,
  chunk: number,
  regions: number,
): void {
  const chunkBytes = (byteLength / regions) * CHUNK_REGIONS;
  const first = chunk * chunkBytes;
  const part = new Uint8Array(buffer, byteOffset + first, Math.min(chunkBytes, byteLength - first));
  sink(part, position + first);
}

/** The canonical ABI's `list<place>`. */
function encodePlaces(places: readonly Place[]): DataView {
  const view = new DataView(new ArrayBuffer(places.length * PLACE_BYTES));
  places.forEach((place, i) => {
    const at = i * PLACE_BYTES;
    view.setUint8(at, place.tier);
    view.setUint8(at + 1, place.kind);
    view.setUint8(at + 2, place.state);
    const { capacity, room, budget, latencyNs, bandwidthMib } = place;
    [capacity, room, budget, latencyNs, bandwidthMib].forEach((value, field) =>
      view.setUint32(at + 4 + field * 4, value, true),
    );
  });
  return view;
}

/** The canonical ABI's `list<metric>`. */
function encodeMetrics(metrics: readonly Metric[]): DataView {
  const view = new DataView(new ArrayBuffer(metrics.length * METRIC_BYTES));
  metrics.forEach(({ id, subject, value }, i) => {
    view.setUint16(i * METRIC_BYTES, id, true);
    view.setUint16(i * METRIC_BYTES + 2, subject, true);
    view.setFloat64(i * METRIC_BYTES + 8, value, true);
  });
  return view;
}

/** A snapshot outside its own bounds is a bug of whoever built it, not a fault of the policy. */
function checkSnapshot({ regions, owners, places, metrics, events }: Snapshot): void {
  const counts = {
    regions,
    owners,
    places: places.length,
    metrics: metrics.length,
    events: events.kinds.length,
  };
  const bounds = {
    regions: regionCountMax,
    owners: ownersMax,
    places: placesMax,
    metrics: metricsMax,
    events: eventsMax,
  };
  for (const [name, bound] of Object.entries(bounds)) {
    const count = counts[name as keyof typeof counts];
    if (!(count <= bound)) throw new RangeError(`a snapshot of ${count} ${name}, ${bound} are allowed`);
  }
  if (events.regions.length !== counts.events || events.others.length !== counts.events)
    throw new RangeError('the columns of a snapshot’s events differ in length');
}

function checkColumn(name: ColumnName, column: ColumnArray, regions: number): ColumnArray {
  const { valueBytes } = COLUMN_KINDS[COLUMNS[name].kind];
  if (column.length === regions && column.BYTES_PER_ELEMENT === valueBytes) return column;
  throw new RangeError(`the column ${name} has ${column.length} values of ${column.BYTES_PER_ELEMENT} bytes`);
}
