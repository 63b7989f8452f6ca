import { MAPPERS, type FrameMappers, type FrameMapperSource } from '../frame-mappers.ts';
import { success } from '../result.ts';
import { checkFrames } from './check-frames.ts';
import { readFolioSizes } from './folio-sizes.ts';
import type { FrameFlags } from './frame-flags.ts';
import { MAPPER_BOUNDS } from './mapper-bounds.ts';
import { addMapper, createMapperRows, toMappers } from './mapper-rows.ts';
import { VERIFIED, verifyMappers, type MapperClaims } from './verify-mappers.ts';

export interface FrameCacheOptions {
  readonly root: string;
  readonly flags: FrameFlags;
  /** Places to remember in; a power of two, at least 2. */
  readonly frames?: number;
}

export interface FrameCache extends FrameMapperSource {
  /** Learns the frames that an answer says one process alone maps, in one place. */
  remember(frame: Float64Array, mappers: FrameMappers): void;
}

/**
 * Remembers the only mapper of frames. A memory shared by nobody then is `complete` when pagemap says that it
 * is still there and still shared by nobody, page by page of the folio; all else is `unknown`. Two frames
 * that want the same place push each other out, so its size never changes: 16 bytes a place.
 */
export function createFrameCache(options: FrameCacheOptions): FrameCache {
  const { root, flags, frames = MAPPER_BOUNDS.cachedFramesMax } = options;
  const known = new Uint32Array(frames);
  const knownPid = new Uint32Array(frames);
  const knownPage = new Float64Array(frames);
  /** Fibonacci hashing (Knuth, TAOCP 6.4): neighbouring frames spread evenly. */
  const placeOf = (frame: number): number => Math.imul(frame, 0x9e37_79b1) >>> (32 - Math.log2(frames));

  function claimsOf(frame: Float64Array, rows: Uint32Array): MapperClaims {
    const head = Float64Array.from(rows, (row) => frame[row]);
    return {
      pid: Uint32Array.from(rows, (row) => knownPid[placeOf(frame[row])]),
      pageNumber: Float64Array.from(rows, (row) => knownPage[placeOf(frame[row])]),
      head,
      pages: readFolioSizes(flags, head),
    };
  }

  return {
    find(frame) {
      const fault = checkFrames(frame);
      if (fault) return fault;
      const rows = Uint32Array.from(frame.keys()).filter((row) => known[placeOf(frame[row])] === frame[row]);
      const claims = claimsOf(frame, rows);
      const held = holdsAlone(root, claims);
      const answer = new Uint8Array(frame.length);
      const found = createMapperRows(Math.max(1, rows.length));
      for (let i = 0; i < rows.length; i++) {
        if (held[i] === 0) {
          known[placeOf(frame[rows[i]])] = 0;
          continue;
        }
        answer[rows[i]] = MAPPERS.complete;
        addMapper(found, rows[i], claims.pid[i], claims.pageNumber[i]);
      }
      const stale = rows.length - found.count;
      return success(toMappers(found, answer, { cached: found.count, walked: 0, scanned: 0, stale }));
    },
    remember(frame, { frame: row, pid, pageNumber, answer }) {
      for (let at = 0; at < row.length; at++) {
        const alone = row[at] !== row[at - 1] && row[at] !== row[at + 1];
        if (!alone || answer[row[at]] !== MAPPERS.complete) continue;
        const place = placeOf(frame[row[at]]);
        known[place] = frame[row[at]];
        knownPid[place] = pid[at];
        knownPage[place] = pageNumber[at];
      }
    },
    close() {},
  };
}

/** Pages looked at together; more only where a single folio has more. */
const pagesPerBatch = 65_536;

/**
 * 1 where the process maps the whole folio in one piece and nobody else maps a page of it. Every page is
 * asked: the entry of one tells nothing about the sharing of the others.
 */
function holdsAlone(root: string, claims: MapperClaims): Uint8Array {
  const held = Uint8Array.from(claims.pages, (pages) => (pages === 0 ? 0 : 1));
  for (let from = 0; from < held.length;) {
    let to = from;
    let pages = 0;
    while (to < held.length && (pages === 0 || pages + claims.pages[to] <= pagesPerBatch))
      pages += claims.pages[to++];
    checkPages(root, claims, from, to, pages, held);
    from = to;
  }
  return held;
}

/** Clears `held` of the folios `from` to `to`, of `total` pages, of which a page is not theirs alone. */
function checkPages(
  root: string,
  { pid, pageNumber, head, pages }: MapperClaims,
  from: number,
  to: number,
  total: number,
  held: Uint8Array,
): void {
  const row = new Uint32Array(total);
  const each: MapperClaims = {
    pid: new Uint32Array(total),
    pageNumber: new Float64Array(total),
    head: new Float64Array(total),
    pages: new Uint32Array(total).fill(1),
  };
  let next = 0;
  for (let i = from; i < to; i++)
    for (let offset = 0; offset < pages[i]; offset++, next++) {
      row[next] = i;
      each.pid[next] = pid[i];
      each.pageNumber[next] = pageNumber[i] + offset;
      each.head[next] = head[i] + offset;
    }
  const verdict = verifyMappers(root, each);
  for (let at = 0; at < total; at++) if (verdict[at] !== VERIFIED.exclusive) held[row[at]] = 0;
}
