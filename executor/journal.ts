import { readFileSync } from 'node:fs';
import type { MapperWays } from './frame-mappers.ts';
import { BOUNDS } from './limits.ts';
import { createLineFile } from './line-file.ts';
import type { Flow } from './plan.ts';
import { type Result, failure, success } from './result.ts';

/** Written before anything moves; a `begin` without its `end` is a plan that was cut short. */
export interface JournalBegin {
  readonly kind: 'begin';
  readonly atMs: number;
  readonly epoch: number;
  readonly scope: string;
  readonly entries: number;
  readonly pages: number;
}

export interface JournalEnd {
  readonly kind: 'end';
  readonly atMs: number;
  readonly epoch: number;
  readonly scope: string;
  /** Why the plan was refused after it had begun; nothing of it was attempted. */
  readonly fault?: string;
  /** Entries per verdict name. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly flows: readonly Flow[];
  /** Flows left out of the line. */
  readonly flowsOmitted: number;
  readonly calls: number;
  readonly callNs: number;
  /** How often the kernel gave each answer: `0`, `positive`, or `-1/errno`. */
  readonly callKinds: Readonly<Record<string, number>>;
  /** Of a physical plan: how many frames each way found the mappers of, and how many answers were out of date. */
  readonly mappers?: MapperWays;
}

export type JournalLine = JournalBegin | JournalEnd;

/** Where the executor writes what it did. `append` answers a failure, and never throws. */
export interface Journal {
  append(line: JournalLine): Result<void, 'journal-unwritable'>;
  close(): void;
}

export interface JournalOptions {
  readonly path: string;
  /** A file that would grow beyond this is renamed to `path`.1, replacing the one before. */
  readonly bytesMax: number;
}

/** JSON lines in a bounded file. */
export function createJournal({ path, bytesMax }: JournalOptions): Journal {
  const file = createLineFile({ path, bytesMax, lineBytesMax: BOUNDS.journalLineBytesMax });
  return {
    append(line) {
      const fault = file.append(JSON.stringify(line));
      if (fault === undefined) return success(undefined);
      return failure('journal-unwritable', `the journal ${path} ${fault}`);
    },
    close: file.close,
  };
}

export interface MemoryJournal extends Journal {
  readonly lines: readonly JournalLine[];
}

/** The newest lines, for an executor that lives and dies inside another program. */
export function createMemoryJournal(linesMax = 1_024): MemoryJournal {
  const lines: JournalLine[] = [];
  return {
    lines,
    append(line) {
      lines.push(line);
      if (lines.length > linesMax) lines.shift();
      return success(undefined);
    },
    close() {},
  };
}

export interface JournalContents {
  readonly lines: readonly JournalLine[];
  /** Lines that are no journal lines (torn by a crash, or somebody else's). */
  readonly unreadable: number;
}

/** Reads the rotated file and the current one, oldest line first. */
export function readJournal(path: string): Result<JournalContents, 'journal-unreadable'> {
  const lines: JournalLine[] = [];
  let unreadable = 0;
  try {
    for (const text of [readIfPresent(`${path}.1`), readFileSync(path, 'utf8')]) {
      for (const line of text.split('\n')) {
        if (line === '') continue;
        const parsed = parseLine(line);
        if (parsed) lines.push(parsed);
        else unreadable++;
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(
      'journal-unreadable',
      `the journal cannot be read (${reason}); check its path and your rights`,
    );
  }
  return success({ lines, unreadable });
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

function parseLine(text: string): JournalLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
    return value.kind === 'begin' || value.kind === 'end' ? (value as JournalLine) : undefined;
  } catch {
    return undefined;
  }
}
