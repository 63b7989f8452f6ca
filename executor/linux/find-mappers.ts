import { MAPPERS, type FrameMappers, type FrameMapperSource } from '../frame-mappers.ts';
import { success, type Result } from '../result.ts';
import { checkFrames } from './check-frames.ts';
import type { FrameCache } from './frame-cache.ts';
import { MAPPER_BOUNDS } from './mapper-bounds.ts';
import { copyMapper, createMapperRows, toMappers, type MapperRows } from './mapper-rows.ts';
import { VERIFIED, verifyMappers } from './verify-mappers.ts';

/** What the walk tells beside the mappers: the size of each folio it saw. */
export interface WalkedMappers extends FrameMappers {
  readonly folioPages: Uint32Array;
}

export interface FrameWalk {
  find(frame: Float64Array): Result<WalkedMappers>;
  close(): void;
}

export interface MapperFinderOptions {
  /** Where /proc is found; `/` but in tests. */
  readonly root: string;
  readonly scan: FrameMapperSource;
  readonly cache?: FrameCache;
  /** Absent where the operator did not ask for it, or it refused itself. */
  readonly walk?: FrameWalk;
  /** Base pages that a scan would look at. */
  readonly residentPages: () => number;
}

/**
 * Asks the cheapest way first and each further one only for what is still open: remembered mappers, then the
 * kernel's reverse map when the question is small beside the resident memory, then the scan. No answer
 * leaves unseen: remembered and walked mappers are looked up in pagemap, and the scan reads nothing else.
 */
export function createMapperFinder(options: MapperFinderOptions): FrameMapperSource {
  const { root, scan, cache, walk, residentPages } = options;

  function find(frame: Float64Array): Result<FrameMappers> {
    const fault = checkFrames(frame);
    if (fault) return fault;
    const question = createQuestion(frame);
    if (cache) {
      const cached = cache.find(frame);
      if (!cached.ok) return cached;
      question.how.cached = settle(question, cached.value);
      question.how.stale += cached.value.how?.stale ?? 0;
    }
    if (walk && isFewBeside(question.open.length, residentPages())) askWalk(question, walk, root);
    if (question.open.length > 0) {
      const scanned = scan.find(openFrames(question));
      if (!scanned.ok) return scanned;
      question.how.scanned = settle(question, scanned.value, true);
    }
    const mappers = toMappers(question.rows, question.answer, question.how);
    cache?.remember(frame, mappers);
    return success(mappers);
  }

  return {
    find,
    close() {
      cache?.close();
      walk?.close();
      scan.close();
    },
  };
}

interface Question {
  readonly frame: Float64Array;
  readonly answer: Uint8Array;
  readonly rows: MapperRows;
  readonly how: { cached: number; walked: number; scanned: number; stale: number };
  /** Rows of the frames that are still to be answered. */
  open: Uint32Array;
}

function createQuestion(frame: Float64Array): Question {
  return {
    frame,
    answer: new Uint8Array(frame.length),
    rows: createMapperRows(Math.max(1, frame.length)),
    how: { cached: 0, walked: 0, scanned: 0, stale: 0 },
    open: Uint32Array.from(frame.keys()),
  };
}

function isFewBeside(frames: number, residentPages: number): boolean {
  return frames > 0 && frames <= residentPages * MAPPER_BOUNDS.walkPartMax;
}

function openFrames({ frame, open }: Question): Float64Array {
  return Float64Array.from(open, (row) => frame[row]);
}

/** A walk that fails leaves its frames to the scan. */
function askWalk(question: Question, walk: FrameWalk, root: string): void {
  const head = openFrames(question);
  const walked = walk.find(head);
  if (!walked.ok) return;
  const { pid, pageNumber, frame, folioPages, answer } = walked.value;
  const verdict = verifyMappers(root, {
    pid,
    pageNumber,
    head: Float64Array.from(frame, (row) => head[row]),
    pages: Uint32Array.from(frame, (row) => folioPages[row]),
  });
  for (let at = 0; at < verdict.length; at++) {
    if (verdict[at] !== VERIFIED.stale) continue;
    question.how.stale++;
    answer[frame[at]] = MAPPERS.unknown;
  }
  question.how.walked = settle(question, walked.value);
}

/**
 * Takes over what was answered about the open frames and keeps the others open, unless this answer is the
 * `last`. Returns how many it answered.
 */
function settle(question: Question, mappers: FrameMappers, last = false): number {
  const { open, answer, rows } = question;
  const isTaken = (row: number): boolean => last || mappers.answer[row] === MAPPERS.complete;
  for (let at = 0; at < mappers.frame.length; at++)
    if (isTaken(mappers.frame[at])) copyMapper(rows, open[mappers.frame[at]], mappers, at);
  let answered = 0;
  for (let row = 0; row < open.length; row++) {
    if (!isTaken(row)) continue;
    answer[open[row]] = mappers.answer[row];
    if (mappers.answer[row] !== MAPPERS.unknown) answered++;
  }
  question.open = open.filter((_, row) => !isTaken(row));
  return answered;
}
