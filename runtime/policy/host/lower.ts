import { CHUNK_REGIONS, COLUMNS, COLUMN_KINDS } from '../../contract.ts';
import {
  COLUMN_ABSENT,
  COLUMN_BYTES,
  METRIC_BYTES,
  PLACE_BYTES,
  REQUEST_AT,
  SETTING_BYTES,
} from '../wire.ts';
import { awaitChunk, readShared } from './channel.ts';
import type { Guest } from './guest.ts';

/** A column as the canonical ABI hands it over: its id, the case of `data`, the bytes of one value. */
export interface ColumnForm {
  readonly id: number;
  readonly tag: number;
  readonly valueBytes: number;
}

/** The columns of a mask of ids, in ascending order of id. */
export function columnsOf(mask: number): readonly ColumnForm[] {
  return Object.values(COLUMNS)
    .filter(({ id }) => (mask & (1 << id)) !== 0)
    .map(({ id, kind }) => ({ id, ...COLUMN_KINDS[kind] }))
    .toSorted((a, b) => a.id - b.id);
}

/** Copies `bytes` from the shared file to where the policy wants them; answers the pointer. */
function place(guest: Guest, align: number, bytes: number, position: number): number {
  const at = guest.allocate(align, bytes);
  if (position === COLUMN_ABSENT) guest.bytes(at, bytes).fill(0);
  else readShared(guest.bytes(at, bytes), position);
  return at;
}

/** `begin`: 15 core parameters, of which ten are the pointers and lengths of five lists. */
export function lowerEpoch(guest: Guest, request: DataView): number[] {
  const u32 = (at: number): number => request.getUint32(at, true);
  const list = (align: number, itemBytes: number, count: number, positionAt: number): [number, number] => [
    place(guest, align, count * itemBytes, request.getFloat64(positionAt, true)),
    count,
  ];
  const { number, lengthMs, regions, owners, samplingPeriod, places, metrics, events } = REQUEST_AT;
  return [
    ...[number, lengthMs, regions, owners, samplingPeriod].map(u32),
    ...list(4, PLACE_BYTES, u32(places), REQUEST_AT.placesAt),
    ...list(8, METRIC_BYTES, u32(metrics), REQUEST_AT.metricsAt),
    ...list(1, 1, u32(events), REQUEST_AT.kindsAt),
    ...list(4, 4, u32(events), REQUEST_AT.regionsAt),
    ...list(4, 4, u32(events), REQUEST_AT.othersAt),
  ];
}

/** `observe`, once for every chunk of the snapshot, as soon as it is there. */
export function observeChunks(guest: Guest, request: DataView, columns: readonly ColumnForm[]): void {
  const regions = request.getUint32(REQUEST_AT.regions, true);
  for (let first = 0; first < regions; first += CHUNK_REGIONS) {
    const count = Math.min(CHUNK_REGIONS, regions - first);
    awaitChunk(first / CHUNK_REGIONS);
    const records = guest.allocate(4, columns.length * COLUMN_BYTES);
    columns.forEach(({ id, tag, valueBytes }, i) => {
      const start = request.getFloat64(REQUEST_AT.columnsAt + id * 8, true);
      const position = start === COLUMN_ABSENT ? COLUMN_ABSENT : start + first * valueBytes;
      const values = place(guest, valueBytes, count * valueBytes, position);
      const record = records + i * COLUMN_BYTES;
      const view = guest.view();
      view.setUint16(record, id, true);
      view.setUint8(record + 4, tag);
      view.setUint32(record + 8, values, true);
      view.setUint32(record + 12, count, true);
    });
    guest.exports.observe(first, count, records, columns.length);
  }
}

/** `configure`: the settings, as the runtime wrote them into the shared file (`settings-payload.ts`). */
export function lowerSettings(guest: Guest, payload: Uint8Array, count: number): number {
  const source = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const records = guest.allocate(8, count * SETTING_BYTES);
  let at = 0;
  const u32 = (): number => source.getUint32((at += 4) - 4, true);
  const text = (): [number, number] => {
    const bytes = u32();
    const pointer = guest.allocate(2, bytes);
    guest.bytes(pointer, bytes).set(payload.subarray(at, (at += bytes)));
    return [pointer, bytes / 2];
  };
  for (let i = 0; i < count; i++) {
    const record = records + i * SETTING_BYTES;
    const [name, units] = text();
    const tag = u32();
    const value = tag === 2 ? text() : source.getFloat64((at += 8) - 8, true);
    const view = guest.view();
    view.setUint32(record, name, true);
    view.setUint32(record + 4, units, true);
    view.setUint8(record + 8, tag);
    if (typeof value !== 'number') {
      view.setUint32(record + 16, value[0], true);
      view.setUint32(record + 20, value[1], true);
    } else if (tag === 1) view.setUint8(record + 16, value);
    else view.setFloat64(record + 16, value, true);
  }
  return records;
}
