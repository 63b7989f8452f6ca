import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import type { FrameMappers } from '../../../executor/frame-mappers.ts';

/*
 * Who maps which frames, read anew and plainly. Shares no line with the executor's ways of finding it, so that
 * an error there cannot agree with itself.
 */

/** Who maps a folio: keys `PID:PAGE` with the page at which the head is, or would be. */
export interface MapperTruth {
  readonly byHead: ReadonlyMap<number, ReadonlySet<string>>;
  /** Frame by `PID:PAGE`. */
  readonly frameAt: ReadonlyMap<string, number>;
  /** Head by frame. */
  readonly headOf: (frame: number) => number;
}

const PRESENT = 1n << 63n;
const FRAME = (1n << 55n) - 1n;
const TAIL = 1n << 16n;
const HUGE_ZERO = 1n << 24n;

/** All pages of these processes; of the threads of one whose leader is dead. */
export function readMapperTruth(pids: readonly number[]): MapperTruth {
  const flagsFile = openSync('/proc/kpageflags', 'r');
  const known = new Map<number, bigint>();
  const flagsOf = (frame: number): bigint => {
    const read = known.get(frame) ?? readEntries(flagsFile, frame, 1)[0] ?? 0n;
    known.set(frame, read);
    return read;
  };
  const headOf = (frame: number): number => {
    let head = frame;
    while ((flagsOf(head) & TAIL) !== 0n) head--;
    return head;
  };
  const byHead = new Map<number, Set<string>>();
  const frameAt = new Map<string, number>();
  for (const task of pids.flatMap(tasksWithMemory)) {
    for (const [page, frame] of readPages(task)) {
      if ((flagsOf(frame) & HUGE_ZERO) !== 0n) continue;
      const head = headOf(frame);
      frameAt.set(`${task}:${page}`, frame);
      const mappers = byHead.get(head) ?? new Set();
      byHead.set(head, mappers.add(`${task}:${page - (frame - head)}`));
    }
  }
  closeSync(flagsFile);
  return { byHead, frameAt, headOf: (frame) => headOf(frame) };
}

export interface MapperComparison {
  readonly frames: number;
  readonly complete: number;
  readonly unknown: number;
  readonly truncated: number;
  /** Rows that name somebody who does not map the frame. */
  readonly wrong: number;
  /** Mappers that a `complete` answer left out. */
  readonly missing: number;
}

/** Holds an answer about all heads of the truth, ascending, against it. */
export function compareMappers(
  { byHead, frameAt }: MapperTruth,
  asked: Float64Array,
  said: FrameMappers,
): MapperComparison {
  const named = Array.from(asked, () => new Set<string>());
  let wrong = 0;
  for (let row = 0; row < said.frame.length; row++) {
    const at = said.frame[row] as number;
    const head = asked[at] as number;
    const pid = said.pid[row] as number;
    const page = said.pageNumber[row] as number;
    const key = `${pid}:${page - ((frameAt.get(`${pid}:${page}`) ?? Number.NaN) - head)}`;
    if (byHead.get(head)?.has(key)) named[at]?.add(key);
    else wrong++;
  }
  const count = (answer: number): number => said.answer.filter((each) => each === answer).length;
  let missing = 0;
  said.answer.forEach((answer, at) => {
    if (answer === 1) missing += (byHead.get(asked[at] as number)?.size ?? 0) - (named[at]?.size ?? 0);
  });
  return { frames: asked.length, complete: count(1), unknown: count(0), truncated: count(2), wrong, missing };
}

export function headsOf({ byHead }: MapperTruth): Float64Array {
  return Float64Array.from(byHead.keys()).sort();
}

function tasksWithMemory(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`)
    .map(Number)
    .toSorted((a, b) => Number(b === pid) - Number(a === pid));
  const task = tasks.find((each) => readFileSync(`/proc/${each}/maps`, 'utf8') !== '');
  return task === undefined ? [] : [task];
}

function readPages(task: number): [page: number, frame: number][] {
  const file = openSync(`/proc/${task}/pagemap`, 'r');
  const pages: [number, number][] = [];
  for (const line of readFileSync(`/proc/${task}/maps`, 'utf8').trim().split('\n')) {
    const [start = 0, end = 0] = (line.split(' ')[0] ?? '')
      .split('-')
      .map((each) => Number.parseInt(each, 16) / 4096);
    if (/\[v(var|dso|syscall)/.test(line) || end - start > 1_000_000) continue;
    readEntries(file, start, end - start).forEach((entry, at) => {
      if (entry & PRESENT) pages.push([start + at, Number(entry & FRAME)]);
    });
  }
  closeSync(file);
  return pages;
}

function readEntries(file: number, first: number, count: number): BigUint64Array {
  const entries = new BigUint64Array(count);
  const bytes = new Uint8Array(entries.buffer);
  let done = 0;
  for (let read = 1; done < bytes.length && read > 0; done += read)
    read = readSync(file, bytes, done, bytes.length - done, first * 8 + done);
  return entries.subarray(0, done / 8);
}
