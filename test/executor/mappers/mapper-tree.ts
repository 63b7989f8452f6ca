import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One run of pages that shows part of a folio: its pages from `offset` on. */
export interface Mapping {
  readonly pid: number;
  readonly page: number;
  readonly head: number;
  readonly offset: number;
  readonly pages: number;
}

export interface Folio {
  readonly head: number;
  readonly pages: number;
}

/** A /proc of processes' pagemaps and of kpageflags under a root of its own. */
export interface MapperTree {
  readonly root: string;
  /** A process whose mappings cover `from` to `until`; without pages yet. */
  addProcess(pid: number, from: number, until: number, thread?: number): void;
  map(mapping: Mapping): void;
  /** Any entry, also of no present page. */
  setEntry(pid: number, page: number, entry: bigint): void;
  /** The memory is gone, as after exit. */
  endMemory(pid: number): void;
  /** Its pagemap cannot be opened. */
  close(pid: number): void;
  setFolios(folios: readonly Folio[]): void;
  remove(): void;
}

export const PRESENT = 1n << 63n;
export const EXCLUSIVE = 1n << 56n;
const SWAPPED = 1n << 62n;
const LRU = 1n << 5n;
const HEAD = 1n << 15n;
const TAIL = 1n << 16n;

/** An entry that names a frame's number without mapping it. */
export const swapEntry = (frame: number): bigint => SWAPPED | BigInt(frame);

export function createMapperTree(): MapperTree {
  const root = mkdtempSync(join(tmpdir(), 'terrace-mappers-'));
  const at = (...parts: string[]): string => join(root, 'proc', ...parts);
  mkdirSync(at(), { recursive: true });

  const setEntries = (file: string, first: number, entries: BigUint64Array): void => {
    const fd = openSync(file, 'r+');
    writeSync(fd, new Uint8Array(entries.buffer), 0, entries.byteLength, first * 8);
    closeSync(fd);
  };

  return {
    root,
    addProcess(pid, from, until, thread = pid) {
      const hex = (page: number): string => (page * 4096).toString(16).padStart(8, '0');
      mkdirSync(at(`${pid}`, 'task', `${thread}`), { recursive: true });
      mkdirSync(at(`${thread}`), { recursive: true });
      const maps = `${hex(from)}-${hex(until)} rw-p 00000000 00:00 0 \nffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n`;
      writeFileSync(at(`${thread}`, 'maps'), maps);
      writeFileSync(at(`${thread}`, 'pagemap'), '');
      if (thread !== pid) writeFileSync(at(`${pid}`, 'pagemap'), '');
      truncate(at(`${thread}`, 'pagemap'), until * 8);
    },
    map({ pid, page, head, offset, pages }) {
      const entries = BigUint64Array.from({ length: pages }, (_, i) => PRESENT | BigInt(head + offset + i));
      setEntries(at(`${pid}`, 'pagemap'), page, entries);
    },
    setEntry: (pid, page, entry) => setEntries(at(`${pid}`, 'pagemap'), page, BigUint64Array.of(entry)),
    endMemory: (pid) => truncate(at(`${pid}`, 'pagemap'), 0),
    close(pid) {
      rmSync(at(`${pid}`, 'pagemap'));
      symlinkSync('pagemap', at(`${pid}`, 'pagemap'));
    },
    setFolios(folios) {
      const end = Math.max(...folios.map(({ head, pages }) => head + pages));
      const flags = new BigUint64Array(end).fill(LRU);
      for (const { head, pages } of folios)
        if (pages > 1) flags.fill(LRU | TAIL, head + 1, head + pages)[head] = LRU | HEAD;
      writeFileSync(at('kpageflags'), new Uint8Array(flags.buffer));
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}

function truncate(file: string, bytes: number): void {
  const fd = openSync(file, 'r+');
  ftruncateSync(fd, bytes);
  closeSync(fd);
}
