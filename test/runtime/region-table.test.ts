import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT } from '../../runtime/contract.ts';
import { ownersMax, regionCountMax } from '../../runtime/limits.ts';
import { createRegionTable, type RegionTable } from '../../runtime/region-table.ts';
import { owner, sampleOf, type TestRow } from './samples.ts';

function update(table: RegionTable, rows: readonly TestRow[], epoch: number) {
  const sample = sampleOf(rows);
  const rowRegion = new Uint32Array(rows.length);
  const events = table.update(sample, epoch, rowRegion);
  if (!events.ok) throw new Error(events.message);
  const { kinds, regions, others } = events.value;
  const list = Array.from(kinds, (kind, i) => [kind, regions[i], others[i]] as const);
  return { rowRegion: [...rowRegion], events: list };
}

describe('region table', () => {
  test('a region keeps its index while others come and go', () => {
    const table = createRegionTable();
    const first = update(
      table,
      [
        { owner: 0, page: 10 },
        { owner: 0, page: 20 },
        { owner: 1, page: 10 },
      ],
      1,
    );
    const second = update(
      table,
      [
        { owner: 0, page: 5 },
        { owner: 0, page: 20 },
        { owner: 1, page: 10 },
      ],
      2,
    );
    expect(second.rowRegion.slice(1)).toEqual(first.rowRegion.slice(1));
    expect(second.events).toEqual([
      [EVENT.born, second.rowRegion[0], 0],
      [EVENT.died, first.rowRegion[0], 0],
    ]);
  });

  test('an index that died is not born again before the following epoch', () => {
    const table = createRegionTable();
    const [dead] = update(table, [{ owner: 0, page: 1 }], 1).rowRegion;
    const [next] = update(table, [{ owner: 0, page: 2 }], 2).rowRegion;
    expect(next).not.toBe(dead);
    expect(table.pages[dead!]).toBe(0);
    const third = update(
      table,
      [
        { owner: 0, page: 2 },
        { owner: 0, page: 3 },
      ],
      3,
    ).rowRegion;
    expect(third).toEqual([next, dead]);
  });

  test('pages that collapse into a huge one merge, and split again', () => {
    const table = createRegionTable();
    const small = update(
      table,
      [
        { owner: 0, page: 512 },
        { owner: 0, page: 513 },
        { owner: 0, page: 1024 },
      ],
      1,
    ).rowRegion;
    const merged = update(
      table,
      [
        { owner: 0, page: 512, pages: 512 },
        { owner: 0, page: 1024 },
      ],
      2,
    );
    expect(merged.rowRegion).toEqual([small[0], small[2]]);
    expect(merged.events).toEqual([[EVENT.merged, small[0], small[1]]]);
    const split = update(
      table,
      [
        { owner: 0, page: 512 },
        { owner: 0, page: 600 },
        { owner: 0, page: 1024 },
      ],
      3,
    );
    expect(split.events).toEqual([[EVENT.split, small[0], split.rowRegion[1]]]);
  });

  test('the same page of a later process with the same pid is another region', () => {
    const table = createRegionTable();
    const rowRegion = new Uint32Array(1);
    table.update(sampleOf([{ owner: 0, page: 1 }], [owner(7, 100)]), 1, rowRegion);
    const [before] = rowRegion;
    table.update(sampleOf([{ owner: 0, page: 1 }], [owner(7, 200)]), 2, rowRegion);
    expect(rowRegion[0]).not.toBe(before);
  });

  test('too many regions or owners are refused and change nothing', () => {
    const table = createRegionTable();
    update(table, [{ owner: 0, page: 1 }], 1);
    const many = { ...sampleOf([]), owners: Array.from({ length: ownersMax + 1 }, (_, i) => owner(i + 1)) };
    expect(table.update(many, 2, new Uint32Array(0))).toMatchObject({ ok: false, code: 'too-many-owners' });
    const huge = sampleOf([]);
    const rows = { ...huge.rows, owner: new Uint16Array(regionCountMax + 1) };
    expect(table.update({ ...huge, rows }, 2, new Uint32Array(0))).toMatchObject({
      ok: false,
      code: 'too-many-regions',
    });
    expect(table.pages[0]).toBe(1);
  });

  test('every epoch agrees with an oracle that remembers who is who', () => {
    const page = fc.record({ owner: fc.nat(2), page: fc.nat(30) });
    const epochs = fc.array(
      fc.uniqueArray(page, { selector: (p) => `${p.owner}/${p.page}`, maxLength: 40 }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(epochs, (history) => {
        const table = createRegionTable();
        let known = new Map<string, number>();
        history.forEach((unsorted, at) => {
          const rows = unsorted.toSorted((a, b) => a.owner - b.owner || a.page - b.page);
          const { rowRegion, events } = update(table, rows, at + 1);
          const now = new Map(rows.map((row, i) => [`${row.owner}/${row.page}`, rowRegion[i]]));
          expect(new Set(now.values()).size).toBe(rows.length);
          for (const [key, index] of now) {
            if (known.has(key)) expect(index).toBe(known.get(key));
          }
          const born = [...now].filter(([key]) => !known.has(key)).map(([, index]) => index);
          const died = [...known].filter(([key]) => !now.has(key)).map(([, index]) => index);
          expect(
            events
              .filter(([kind]) => kind === EVENT.born)
              .map(([, index]) => index)
              .toSorted(),
          ).toEqual(born.toSorted());
          expect(
            events
              .filter(([kind]) => kind === EVENT.died)
              .map(([, index]) => index)
              .toSorted(),
          ).toEqual(died.toSorted());
          const living = new Set(now.values());
          for (let i = 0; i < table.regions; i++) expect(table.pages[i] > 0).toBe(living.has(i));
          expect(born.filter((index) => died.includes(index))).toEqual([]);
          known = now;
        });
      }),
    );
  });
});
