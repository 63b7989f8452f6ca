import { sortByGroupAndPage } from '../order.ts';
import { openPagemap, PAGEMAP_HIGH } from './pagemap.ts';

/** What pagemap says now about a (process, page) that was said to map a frame. */
export const VERIFIED = {
  /** It maps something else, or is gone. */
  stale: 0,
  /** It maps the folio. */
  mapped: 1,
  /** It maps it, and the page it maps is mapped nowhere else. */
  exclusive: 2,
} as const;

/** Columns of (process, page) and the folio it should map: head frame and base pages. */
export interface MapperClaims {
  readonly pid: Uint32Array;
  readonly pageNumber: Float64Array;
  readonly head: Float64Array;
  readonly pages: Uint32Array;
}

/** Reads one pagemap entry per claim, process by process and in page order. One of `VERIFIED` per row. */
export function verifyMappers(root: string, claims: MapperClaims): Uint8Array {
  const { pid, pageNumber } = claims;
  const verdict = new Uint8Array(pid.length);
  const rows = Uint32Array.from({ length: pid.length }, (_, row) => row);
  const order = sortByGroupAndPage(rows, pid, pageNumber);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && pid[order[to]] === pid[order[from]]) to++;
    verifyOne(root, pid[order[from]], order.subarray(from, to), claims, verdict);
    from = to;
  }
  return verdict;
}

function verifyOne(
  root: string,
  pid: number,
  rows: Uint32Array,
  { pageNumber, head, pages }: MapperClaims,
  verdict: Uint8Array,
): void {
  const opened = openPagemap(root, pid);
  if (!opened.ok) return;
  const asked = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) asked[i] = pageNumber[rows[i]];
  const low = new Uint32Array(rows.length);
  const high = new Uint32Array(rows.length);
  opened.value.entries(asked, low, high);
  opened.value.close();
  for (let i = 0; i < rows.length; i++) {
    if ((high[i] & PAGEMAP_HIGH.present) === 0 || (high[i] & PAGEMAP_HIGH.frame) !== 0) continue;
    const offset = low[i] - head[rows[i]];
    if (offset < 0 || offset >= pages[rows[i]]) continue;
    verdict[rows[i]] = high[i] & PAGEMAP_HIGH.exclusive ? VERIFIED.exclusive : VERIFIED.mapped;
  }
}
