import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { readFailure, type ReadFault } from '../procfs/read-file.ts';
import { success, type Result } from '../result.ts';
import { readEntries } from './read-entries.ts';

const entriesPerRead = 512;

/** An open /proc/kpagecgroup; Documentation/admin-guide/mm/pagemap.rst. */
export interface FrameCharges {
  /** `charged` := inode of the cgroup that is charged for each frame (best ascending); 0 = none, -1 = unreadable. */
  read(frame: Float64Array, charged: Float64Array): void;
  close(): void;
}

/** undefined on kernels without memory control groups: there nobody is charged. */
export function openFrameCharges(root: string): Result<FrameCharges | undefined, ReadFault> {
  const path = join(root, 'proc/kpagecgroup');
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const failed = readFailure(path, error);
    return failed.code === 'file-missing' ? success(undefined) : failed;
  }
  const run = new Uint32Array(2 * entriesPerRead);
  return success({
    read(frame, charged) {
      for (let from = 0; from < frame.length;) {
        const first = frame[from];
        let until = from + 1;
        while (frame[until] >= frame[until - 1] && frame[until] - first < entriesPerRead) until++;
        const found = readEntries(fd, run, first, frame[until - 1] - first + 1);
        for (let at = from; at < until; at++) {
          const entry = frame[at] - first;
          charged[at] = entry < found ? run[2 * entry] + run[2 * entry + 1] * 2 ** 32 : -1;
        }
        from = until;
      }
    },
    close: () => closeSync(fd),
  });
}
