import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A small /proc and /sys under a root of its own: two nodes of one 128 MiB block each, one cgroup. */
export interface ProcTree {
  readonly root: string;
  write(file: string, text: string): void;
  /** A process with its stat, status and maps; `maps` as lines of proc_pid_maps(5). */
  addProcess(pid: number, maps: readonly string[], start?: number): void;
  /** Entries of pagemap by page number. */
  setPagemap(pid: number, entries: ReadonlyMap<number, bigint>): void;
  /** After exec or exit a pagemap reads nothing. */
  endMemory(pid: number): void;
  setMembers(pids: readonly number[]): void;
  remove(): void;
}

const BLOCK_BYTES = 0x800_0000;
export const PAGES_PER_BLOCK = BLOCK_BYTES / 4096;
/** Bits of a pagemap entry. */
export const PRESENT = 1n << 63n;
export const SWAPPED = 1n << 62n;
export const EXCLUSIVE = 1n << 56n;
export const SOFT_DIRTY = 1n << 55n;

export function createProcTree(): ProcTree {
  const root = mkdtempSync(path.join(tmpdir(), 'terrace-proc-'));
  const at = (file: string) => path.join(root, file);

  function write(file: string, text: string): void {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  }

  write('sys/devices/system/memory/block_size_bytes', `${BLOCK_BYTES.toString(16)}\n`);
  write('sys/devices/system/node/online', '0-1\n');
  for (const node of [0, 1])
    mkdirSync(at(`sys/devices/system/node/node${node}/memory${node}`), { recursive: true });

  return {
    root,
    write,
    addProcess(pid, maps, start = 100) {
      const fields = Array.from({ length: 50 }, (_, i) =>
        i === 19 ? start : i === 25 ? 140_700_000_000_000 + pid : 0,
      );
      write(`proc/${pid}/stat`, `${pid} (odd) name) S ${fields.slice(1).join(' ')}\n`);
      write(`proc/${pid}/maps`, `${maps.join('\n')}\n`);
      write(`proc/${pid}/clear_refs`, '');
      write(`proc/${pid}/pagemap`, '');
      ftruncate(at(`proc/${pid}/pagemap`), 8);
    },
    setPagemap(pid, entries) {
      const file = openSync(at(`proc/${pid}/pagemap`), 'r+');
      for (const [page, entry] of entries) writeSync(file, BigUint64Array.of(entry), 0, 8, page * 8);
      closeSync(file);
    },
    endMemory(pid) {
      ftruncate(at(`proc/${pid}/pagemap`), 0);
    },
    setMembers: (pids) => write('sys/fs/cgroup/work/cgroup.procs', `${pids.join('\n')}\n`),
    remove: () => rmSync(root, { recursive: true }),
  };
}

function ftruncate(file: string, bytes: number): void {
  const fd = openSync(file, 'r+');
  ftruncateSync(fd, bytes);
  closeSync(fd);
}
