import { closeSync, openSync, writeSync } from 'node:fs';
import { openPagemap, type Pagemap } from '../../executor/linux/pagemap.ts';
import type { OwnerRef } from '../../executor/plan.ts';
import { checkOwnerRef, procPath, readOwnerRef } from '../../executor/procfs/proc.ts';
import { readText } from '../../executor/procfs/read-file.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import { writableRanges, type PageRange } from './sensor-maps.ts';

/** `4` clears the soft-dirty bits and nothing else; proc_pid_clear_refs(5). */
const CLEAR_SOFT_DIRTY = '4';

/** A watched process' memory, held by descriptors that read nothing once it is gone. */
export interface WatchedProcess {
  readonly ref: OwnerRef;
  readonly pagemap: Pagemap;
  writableRanges(): PageRange[];
  /** From here on a page counts as written only when it is written again. */
  clearSoftDirty(): void;
  close(): void;
}

export function watchProcess(root: string, pid: number): Result<WatchedProcess> {
  const ref = readOwnerRef(root, pid);
  if (!ref.ok) return ref;
  const pagemap = openPagemap(root, pid);
  if (!pagemap.ok) return pagemap;
  const clearRefs = openClearRefs(root, pid);
  // Checked after opening: a pid that changed hands in between must not be watched under the old name.
  const same = checkOwnerRef(root, ref.value);
  if (!clearRefs.ok || !same.ok) {
    pagemap.value.close();
    if (clearRefs.ok) closeSync(clearRefs.value);
    return clearRefs.ok ? (same as Exclude<typeof same, { ok: true }>) : clearRefs;
  }
  return success({
    ref: ref.value,
    pagemap: pagemap.value,
    writableRanges() {
      const maps = readText(procPath(root, pid, 'maps'));
      return maps.ok ? writableRanges(maps.value) : [];
    },
    clearSoftDirty: () => void writeSync(clearRefs.value, CLEAR_SOFT_DIRTY),
    close() {
      pagemap.value.close();
      closeSync(clearRefs.value);
    },
  });
}

function openClearRefs(root: string, pid: number): Result<number> {
  const path = procPath(root, pid, 'clear_refs');
  try {
    return success(openSync(path, 'w'));
  } catch (error) {
    return failure(
      'permission-missing',
      `cannot open ${path} (${(error as NodeJS.ErrnoException).code}): writing it needs the user's own rights or CAP_DAC_OVERRIDE`,
    );
  }
}
