import type { OwnerMemory } from '../kernel.ts';
import { parseNumaMaps } from '../procfs/numa-maps.ts';
import type { OwnerRef } from '../plan.ts';
import { checkOwnerRef, procPath, readAllowedNodes, type ProcFault } from '../procfs/proc.ts';
import { readText } from '../procfs/read-file.ts';
import { success, type Result } from '../result.ts';
import type { FrameFlags } from './frame-flags.ts';
import { createPageMover } from './move-pages.ts';
import { readPageFacts } from './page-facts.ts';
import { frameOf, openPagemap, type Pagemap, PAGEMAP_HIGH } from './pagemap.ts';

const noNodes: ReadonlySet<number> = new Set();

/**
 * Takes hold of the memory that `ref` names. Its identity is read before and after the descriptor is opened:
 * a pid that changed hands in between shows in one of the two.
 */
export function openOwnerMemory(
  root: string,
  ref: OwnerRef,
  frames: FrameFlags,
  nowNs: () => number,
): Result<OwnerMemory, ProcFault> {
  const before = checkOwnerRef(root, ref);
  if (!before.ok) return before;
  const opened = openPagemap(root, ref.pid);
  if (!opened.ok) return opened;
  const pagemap = opened.value;
  const after = checkOwnerRef(root, ref);
  if (!after.ok) {
    pagemap.close();
    return after;
  }

  const mover = createPageMover(ref.pid, nowNs);
  const sources = {
    pagemap,
    frames,
    mover,
    readMappings() {
      const text = readText(procPath(root, ref.pid, 'numa_maps'));
      return text.ok ? success(parseNumaMaps(text.value)) : text;
    },
  };
  return success({
    ref,
    // The descriptor tells memory from memory; the pid is asked too, since move_pages goes by it, and memory
    // shared with another process (vfork) outlives the exec of one of them.
    alive: () => pagemap.alive() && checkOwnerRef(root, ref).ok,
    allowedNodes() {
      const nodes = readAllowedNodes(root, ref.pid);
      return nodes.ok ? nodes.value : noNodes;
    },
    facts: (pageNumber) => readPageFacts(sources, pageNumber),
    query: (pageNumber, status) => mover.query(pageNumber, status),
    frames: (pageNumber, frame) => readFrameNumbers(pagemap, pageNumber, frame),
    move: (pageNumber, node, status, together = false) => mover.move(pageNumber, node, status, together),
    close: () => pagemap.close(),
  });
}

function readFrameNumbers(pagemap: Pagemap, pageNumber: Float64Array, frame: Float64Array): boolean {
  const low = new Uint32Array(pageNumber.length);
  const high = new Uint32Array(pageNumber.length);
  if (!pagemap.entries(pageNumber, low, high)) return false;
  for (let at = 0; at < low.length; at++)
    frame[at] = high[at] & PAGEMAP_HIGH.present ? frameOf(low[at], high[at]) : -1;
  return true;
}
