/** A mapping's pages, from /proc/PID/maps: first page number and count. */
export interface PageRange {
  readonly pageNumber: number;
  readonly pages: number;
}

const PAGE_BYTES = 4096;
const KERNEL_PROVIDED = new Set(['[vdso]', '[vvar]', '[vvar_vclock]', '[vsyscall]']);

/**
 * The private writable mappings, ascending: what a program's own writes land in. Adjacent ones are
 * joined. Source: proc_pid_maps(5).
 */
export function writableRanges(maps: string): PageRange[] {
  const ranges: { pageNumber: number; pages: number }[] = [];
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) .w.p \S+ \S+ \S+ *(.*)$/.exec(line);
    if (!match || KERNEL_PROVIDED.has(match[3])) continue;
    const pageNumber = Number.parseInt(match[1], 16) / PAGE_BYTES;
    const pages = Number.parseInt(match[2], 16) / PAGE_BYTES - pageNumber;
    const last = ranges.at(-1);
    if (last && last.pageNumber + last.pages === pageNumber) last.pages += pages;
    else ranges.push({ pageNumber, pages });
  }
  return ranges;
}
