import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { readFailure, type ReadFault } from '../procfs/read-file.ts';
import { success, type Result } from '../result.ts';

const entriesPerRead = 512;

/** An open /proc/kpagecgroup; Documentation/admin-guide/mm/pagemap.rst. */
export interface FrameCharges {
  /** `charged` := inode of the cgroup that is charged for each frame (best ascending); 0 = none. */
  read(frame: Float64Array, charged: Float64Array): Result<void, ReadFault>;
  close(): void;
}

/** Missing on kernels without memory control groups: there nobody is charged. */
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
      try {
        for (let from = 0; from < frame.length;) {
          let until = from + 1;
          while (until < frame.length && isNear(frame[from], frame[until])) until++;
          const count = frame[until - 1] - frame[from] + 1;
          run.fill(0, 0, 2 * count);
          readSync(fd, run, 0, 8 * count, 8 * frame[from]);
          for (let at = from; at < until; at++) {
            const entry = frame[at] - frame[from];
            charged[at] = run[2 * entry] + run[2 * entry + 1] * 2 ** 32;
          }
          from = until;
        }
        return success(undefined);
      } catch (error) {
        return readFailure(path, error);
      }
    },
    close: () => closeSync(fd),
  });
}

function isNear(first: number, frame: number): boolean {
  return frame >= first && frame - first < entriesPerRead;
}
