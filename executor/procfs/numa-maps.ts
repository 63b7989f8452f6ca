/** One mapping of /proc/PID/numa_maps; numa(7). */
export interface NumaMapping {
  /** Virtual page number of its first page. */
  readonly firstPage: number;
  /** Its memory policy restricts or lays out nodes: bind, interleave (weighted or not), prefer-many. */
  readonly policyBound: boolean;
  /** Base pages per node, for a mapping whose pages are of `kernelpagesize_kB`. */
  readonly pagesByNode: readonly (readonly [node: number, pages: number])[];
}

const basePageKib = 4;

/**
 * Names as mpol_to_str (mm/mempolicy.c) writes them, before `=flags` and `:nodes`. `prefer`, `local` and
 * `default` name a first choice and let memory be anywhere.
 */
const boundPolicies = ['bind', 'interleave', 'weighted interleave', 'prefer (many)'];

/** Undefined for a line of unknown form. File names cannot forge fields: the kernel escapes blanks in them. */
export function parseNumaMapping(line: string): NumaMapping | undefined {
  const match = /^([0-9a-f]{1,16}) (.+)$/.exec(line);
  if (!match) return undefined;
  const rest = match[2];
  const pageKib = Number(/ kernelpagesize_kB=(\d+)/.exec(rest)?.[1] ?? basePageKib);
  const pagesByNode: [number, number][] = [];
  // A hugetlb mapping counts huge pages, a THP counts base pages and says 4 kB (show_numa_map, fs/proc/task_mmu.c).
  for (const [, node, pages] of rest.matchAll(/ N(\d+)=(\d+)/g))
    pagesByNode.push([Number(node), (Number(pages) * pageKib) / basePageKib]);
  return {
    firstPage: pageNumberOfHex(match[1]),
    policyBound: boundPolicies.some((name) => isPolicy(rest, name)),
    pagesByNode,
  };
}

export function parseNumaMaps(text: string): NumaMapping[] {
  const mappings: NumaMapping[] = [];
  for (const line of text.split('\n')) {
    const mapping = line === '' ? undefined : parseNumaMapping(line);
    if (mapping) mappings.push(mapping);
  }
  return mappings;
}

/**
 * The mapping that holds a mapped page: the last that starts at or below it. numa_maps gives no ends, so
 * this answers only for pages known to be present.
 */
export function mappingOfPage(mappings: readonly NumaMapping[], page: number): NumaMapping | undefined {
  let low = 0;
  let high = mappings.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (mappings[middle].firstPage <= page) low = middle + 1;
    else high = middle;
  }
  return mappings[low - 1];
}

function isPolicy(rest: string, name: string): boolean {
  const after = rest[name.length];
  return rest.startsWith(name) && (after === undefined || after === ' ' || after === ':' || after === '=');
}

/** Addresses are multiples of 4,096: their last three hexadecimal digits are zeros. */
function pageNumberOfHex(hex: string): number {
  return hex.length <= 3 ? 0 : Number.parseInt(hex.slice(0, -3), 16);
}
