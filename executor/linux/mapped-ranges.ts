/** Neighbouring pages of a process that mappings cover. */
export interface MappedRange {
  readonly firstPage: number;
  readonly pages: number;
}

/** Pages of the kernel's own, which are on no list and never move. */
const kernelProvided = new Set(['[vdso]', '[vvar]', '[vvar_vclock]', '[vsyscall]']);

/**
 * Where pages of a process can be, ascending and joined, from the text of /proc/PID/maps. Mappings without
 * access count too: mprotect(2) takes the access, not the pages. Source: proc_pid_maps(5).
 */
export function parseMappedRanges(maps: string): MappedRange[] {
  const ranges: { firstPage: number; pages: number }[] = [];
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)000-([0-9a-f]+)000 \S+ \S+ \S+ \S+ *(.*)$/.exec(line);
    if (!match || kernelProvided.has(match[3])) continue;
    const firstPage = Number.parseInt(match[1], 16);
    const pages = Number.parseInt(match[2], 16) - firstPage;
    const last = ranges.at(-1);
    if (last && last.firstPage + last.pages === firstPage) last.pages += pages;
    else ranges.push({ firstPage, pages });
  }
  return ranges;
}
