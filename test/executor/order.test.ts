import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortByGroupAndPage, sortByKey } from '../../executor/order.ts';

const rowsOf = (length: number) => Uint32Array.from({ length }, (_, i) => i);

test('sorts as a stable comparison sort does', () => {
  const key = fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  fc.assert(
    fc.property(fc.array(key), (list) => {
      const keys = Uint32Array.from(list);
      const rows = rowsOf(list.length);
      const expected = [...rows].toSorted((a, b) => keys[a] - keys[b]);
      expect([...sortByKey(rows, keys)]).toEqual(expected);
      expect(rows).toEqual(rowsOf(list.length));
    }),
  );
});

test('sorts by group, then by pages up to 2^52', () => {
  const row = fc.tuple(
    fc.nat({ max: 3 }),
    fc.oneof(
      fc.nat({ max: 9 }),
      fc.maxSafeNat().map((n) => n % 2 ** 52),
    ),
  );
  fc.assert(
    fc.property(fc.array(row), (list) => {
      const group = Uint32Array.from(list, ([of]) => of);
      const page = Float64Array.from(list, ([, number]) => number);
      const expected = [...list.keys()].toSorted((a, b) => group[a] - group[b] || page[a] - page[b]);
      expect([...sortByGroupAndPage(rowsOf(list.length), group, page)]).toEqual(expected);
    }),
  );
});
