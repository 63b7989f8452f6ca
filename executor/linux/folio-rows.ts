/** The asked folios by head frame, and the row of the one that a frame lies in. */
export interface FolioRows {
  /** Row of the folio around a frame that lies in one. */
  rowOf(frame: number): number;
}

/** Heads ascend. Neighbouring pages mostly hold neighbouring frames, so the last row and the next are tried first. */
export function createFolioRows(head: Float64Array, pages: Uint32Array): FolioRows {
  let last = 0;
  const holds = (row: number, frame: number): boolean =>
    row < head.length && frame >= head[row] && frame < head[row] + pages[row];
  return {
    rowOf(frame) {
      if (holds(last, frame)) return last;
      if (holds(last + 1, frame)) return ++last;
      let low = 0;
      let high = head.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (head[middle] <= frame) low = middle + 1;
        else high = middle;
      }
      return (last = Math.max(0, low - 1));
    },
  };
}
