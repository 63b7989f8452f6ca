import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

/*
 * The lab's own readings. They share no line with the executor or the sensor, so that an error there cannot
 * agree with itself.
 */

/** Pages that the whole machine migrated since boot (vmstat pgmigrate_success). */
export function migratedPages(): number {
  return Number(/^pgmigrate_success (\d+)$/m.exec(readFileSync('/proc/vmstat', 'utf8'))?.[1]);
}

/** Free pages of a node (nodeN/meminfo). */
export function freePages(node: number): number {
  const text = readFileSync(`/sys/devices/system/node/node${node}/meminfo`, 'utf8');
  return Number(/MemFree:\s+(\d+) kB/.exec(text)?.[1]) / 4;
}

/** Clears the soft-dirty bits of a process (proc_pid_clear_refs(5)). */
export function clearSoftDirty(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '4');
}

/** Pages with the soft-dirty bit, of `pages` from a page number on (proc_pid_pagemap(5), bit 55). */
export function softDirtyPages(pid: number, pageNumber: number, pages: number): number {
  const file = openSync(`/proc/${pid}/pagemap`, 'r');
  const bytes = Buffer.alloc(pages * 8);
  readSync(file, bytes, 0, bytes.length, pageNumber * 8);
  closeSync(file);
  let dirty = 0;
  for (let page = 0; page < pages; page++) dirty += ((bytes[page * 8 + 6] as number) >> 7) & 1;
  return dirty;
}

/** `VALUExCOUNT` words of a workload as one value per page. */
export function expandRuns(words: readonly string[]): number[] {
  const values: number[] = [];
  for (const word of words) {
    const [value, count] = word.split('x').map(Number);
    for (let i = 0; i < (count as number); i++) values.push(value as number);
  }
  return values;
}
