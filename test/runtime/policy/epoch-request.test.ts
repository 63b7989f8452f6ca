import { expect, test } from 'vitest';
import { CHUNK_REGIONS, COLUMNS, type Snapshot } from '../../../runtime/contract.ts';
import { metricsMax, ownersMax, placesMax, regionCountMax } from '../../../runtime/limits.ts';
import { layOutEpoch } from '../../../runtime/policy/epoch-request.ts';
import { COLUMN_ABSENT, REQUEST_AT, REQUEST_BYTES } from '../../../runtime/policy/wire.ts';
import { snapshotOf } from './specimen.ts';

const SNAPSHOT = snapshotOf(10, { pages: 1 });
const write = (changed: Partial<Snapshot>) => () =>
  layOutEpoch(new DataView(new ArrayBuffer(REQUEST_BYTES)), { ...SNAPSHOT, ...changed }, ['pages']);
const repeat = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

test('a snapshot at its bounds is written, one beyond them is a bug', () => {
  const place = SNAPSHOT.places[0]!;
  const metric = SNAPSHOT.metrics[0]!;
  write({ places: repeat(placesMax, place), metrics: repeat(metricsMax, metric), owners: ownersMax })();
  write({ regions: regionCountMax, columns: {} })();
  expect(write({ places: repeat(placesMax + 1, place) })).toThrow('256 places');
  expect(write({ metrics: repeat(metricsMax + 1, metric) })).toThrow('metrics');
  expect(write({ owners: ownersMax + 1 })).toThrow('owners');
  expect(write({ regions: regionCountMax + 1, columns: {} })).toThrow('regions');
});

test('columns of another length or type, and uneven events, are bugs', () => {
  expect(write({ regions: 11 })).toThrow('pages has 10 values');
  expect(write({ columns: { pages: new Uint8Array(10) } })).toThrow('of 1 bytes');
  expect(write({ events: { ...SNAPSHOT.events, others: new Uint32Array(1) } })).toThrow('differ in length');
});

test('columns go out in chunks, each whole and at its place', () => {
  const regions = 2 * CHUNK_REGIONS + 3;
  const place = Uint8Array.from({ length: regions }, (_, i) => i % 251);
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  const input = layOutEpoch(request, { ...SNAPSHOT, regions, columns: { place } }, ['place', 'pages']);
  const start = request.getFloat64(REQUEST_AT.columnsAt + COLUMNS.place.id * 8, true);
  const written = new Uint8Array(regions);
  const lengths = [0, 1, 2].map((chunk) => {
    let bytes = 0;
    input.writeChunk((part, position) => {
      bytes += part.byteLength;
      written.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), position - start);
    }, chunk);
    return bytes;
  });
  expect([input.chunks, ...lengths]).toEqual([3, CHUNK_REGIONS, CHUNK_REGIONS, 3]);
  expect(written).toEqual(place);
  expect(request.getFloat64(REQUEST_AT.columnsAt + COLUMNS.pages.id * 8, true)).toBe(COLUMN_ABSENT);
});
