export interface EncodedEpoch {
  readonly rows: readonly { readonly pageNumber: number; readonly loads: number; readonly stores: number }[];
  readonly freed: readonly { readonly pageNumber: number; readonly pages: number }[];
}

/** Writes PGT2 (docs/traces.md). */
export function encodePgt2(epochs: readonly EncodedEpoch[]): Uint8Array {
  const bytes: number[] = [...new TextEncoder().encode('PGT2'), ...word(12), ...word(1000), ...word(1024)];
  const put = (value: number) => {
    for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
    bytes.push(value);
  };
  for (const { rows, freed } of epochs) {
    put(rows.length);
    rows.forEach(({ pageNumber, loads, stores }, i) =>
      [pageNumber - (rows[i - 1]?.pageNumber ?? 0), loads, stores].forEach(put),
    );
    put(freed.length);
    freed.forEach(({ pageNumber, pages }, i) => {
      const before = freed[i - 1];
      put(pageNumber - (before ? before.pageNumber + before.pages : 0));
      put(pages);
    });
  }
  return Uint8Array.from(bytes);
}

function word(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
}
