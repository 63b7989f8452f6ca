import fc from 'fast-check';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { traceBytesMax, traceEpochsMax, traceRowsMax } from '../../../runtime/limits.ts';
import { BUNDLED_TRACE, loadTrace, traceName } from '../../../runtime/trace/load.ts';
import { decodePgt } from '../../../runtime/trace/pgt.ts';
import { encodePgt2 } from './encode-pgt.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'terrace-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ascending = fc
  .uniqueArray(fc.nat(2 ** 40), { maxLength: 20 })
  .map((pages) => pages.toSorted((a, b) => a - b));
const epochArbitrary = ascending.chain((pages) =>
  fc.record({
    rows: fc.tuple(
      ...pages.map((pageNumber) =>
        fc.record({ pageNumber: fc.constant(pageNumber), loads: fc.nat(), stores: fc.nat() }),
      ),
    ),
    freed: fc
      .array(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 1000 })), { maxLength: 4 })
      .map((gaps) => {
        let end = 0;
        return gaps.map(([gap, pages]) => {
          const range = { pageNumber: end + gap, pages };
          end = range.pageNumber + pages;
          return range;
        });
      }),
  }),
);

describe('page traces', () => {
  test('what was encoded is decoded', () => {
    fc.assert(
      fc.property(fc.array(epochArbitrary, { minLength: 1, maxLength: 6 }), (epochs) => {
        const trace = decodePgt(encodePgt2(epochs));
        if (!trace.ok) throw new Error(trace.message);
        const rows = trace.value.epochs.map((epoch) => ({
          rows: Array.from(epoch.pageNumber, (pageNumber, i) => ({
            pageNumber,
            loads: epoch.loads[i],
            stores: epoch.stores[i],
          })),
          freed: epoch.freed,
        }));
        expect(rows).toEqual(epochs);
      }),
    );
  });

  test('with a page twice, or one that no plan could name, are refused', () => {
    const row = { pageNumber: 5, loads: 1, stores: 0 };
    const upTo = (last: number) =>
      Array.from({ length: 16 }, (_, i) => ({ ...row, pageNumber: last - (15 - i) * 2 ** 48 }));
    const decode = (rows: readonly (typeof row)[], freed: readonly (typeof row)[] = []) =>
      decodePgt(encodePgt2([{ rows, freed: freed.map(({ pageNumber }) => ({ pageNumber, pages: 1 })) }]));
    const refused = { ok: false, code: 'trace-malformed' };
    expect(decode([row, row])).toMatchObject(refused);
    expect(decode(upTo(2 ** 52 - 1), upTo(2 ** 52 - 1))).toMatchObject({ ok: true });
    expect(decode(upTo(2 ** 52))).toMatchObject(refused);
    expect(decode([], upTo(2 ** 52))).toMatchObject(refused);
  });

  test('any bytes are decoded or refused with a code', () => {
    const header = encodePgt2([]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, withHeader) => {
        const trace = decodePgt(withHeader ? Uint8Array.of(...header, ...bytes) : bytes);
        expect(trace.ok || /^trace-(malformed|too-large)$/.test(trace.code)).toBe(true);
      }),
    );
  });

  test('a file cut short is malformed, wherever it is cut within an epoch', () => {
    const whole = encodePgt2([
      { rows: [{ pageNumber: 300, loads: 5, stores: 700 }], freed: [{ pageNumber: 300, pages: 1 }] },
    ]);
    for (let bytes = 0; bytes < whole.length; bytes++) {
      expect(decodePgt(whole.subarray(0, bytes))).toMatchObject({ ok: false, code: 'trace-malformed' });
    }
    expect(decodePgt(whole)).toMatchObject({ ok: true });
  });

  test('bounds on epochs, rows and bytes', () => {
    const empty = { rows: [], freed: [] };
    expect(decodePgt(encodePgt2(Array.from({ length: traceEpochsMax }, () => empty)))).toMatchObject({
      ok: true,
    });
    expect(decodePgt(encodePgt2(Array.from({ length: traceEpochsMax + 1 }, () => empty)))).toMatchObject({
      code: 'trace-too-large',
    });
    const manyRows = Uint8Array.of(...encodePgt2([]), ...varint(traceRowsMax + 1));
    expect(decodePgt(manyRows)).toMatchObject({ code: 'trace-too-large' });
    const large = path.join(folder, 'large.pgt');
    writeFileSync(large, '');
    truncateSync(large, traceBytesMax + 1);
    expect(loadTrace(large)).toMatchObject({ code: 'trace-too-large' });
  });

  test('files: found, missing, packed, badly packed', () => {
    const bytes = encodePgt2([{ rows: [{ pageNumber: 1, loads: 2, stores: 3 }], freed: [] }]);
    const files = { 'a.pgt2': bytes, 'a.pgt2.gz': gzipSync(bytes), 'a.pgt2.br': brotliCompressSync(bytes) };
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(path.join(folder, name), content);
      expect(loadTrace(path.join(folder, name))).toMatchObject({ ok: true });
      expect(traceName(name)).toBe('a');
    }
    writeFileSync(path.join(folder, 'bad.pgt.gz'), 'not gzip');
    expect(loadTrace(path.join(folder, 'bad.pgt.gz'))).toMatchObject({ code: 'trace-malformed' });
    expect(loadTrace(path.join(folder, 'none.pgt'))).toMatchObject({ code: 'trace-not-found' });
  });

  test('the bundled trace is the redis recording', () => {
    const trace = loadTrace(BUNDLED_TRACE);
    expect(trace).toMatchObject({
      ok: true,
      value: { pageShift: 12, accessesPerEpoch: 4_000_000, cacheKib: 1024 },
    });
    if (trace.ok) expect(trace.value.epochs).toHaveLength(166);
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}
