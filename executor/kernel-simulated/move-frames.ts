import { ERRNO } from '../errno.ts';
import { FACT } from '../kernel.ts';
import { visitMappings } from './find-frames.ts';
import { type MachineState, type Mapping, folioPages, folioStart, mappingsOf } from './memory.ts';
import { type Answer, type MovePagesOptions, PINNED, migrateFolio } from './move-pages.ts';

/**
 * move_phys_pages as the RFC means it (linux-mm, 2023–2024): an unknown node refuses the call before anything
 * moves; else each entry has an outcome of its own, and the answer counts those that could move and did not.
 */
export function moveFrames(
  state: MachineState,
  head: Float64Array,
  node: Int32Array,
  status: Int32Array,
  options: Pick<MovePagesOptions, 'moveAll' | 'isBusy' | 'onIndex'>,
): Answer {
  if (node.some((each) => !state.nodes.has(each))) return { returned: -ERRNO.ENODEV, movedPages: 0 };
  const mappings: (Mapping | undefined)[] = Array.from(head, () => undefined);
  visitMappings(state, head, (index, process, page) => (mappings[index] = { process, page }));
  let returned = 0;
  let movedPages = 0;
  for (let i = 0; i < head.length; i++) {
    options.onIndex(i);
    const mapping = stillMapped(mappings[i], head[i]) ? mappings[i] : undefined;
    status[i] = mapping ? judge(state, mapping, node[i], options) : -ERRNO.ENOENT;
    if (mapping && status[i] === MOVES) {
      const count = folioPages(flagsOf(mapping));
      const moved = migrateFolio(state, mapping.process, mapping.page, node[i]);
      if (moved !== PINNED) movedPages += moved;
      status[i] = moved === PINNED ? -ERRNO.EBUSY : moved < count ? -ERRNO.ENOMEM : node[i];
    }
    if (status[i] === -ERRNO.EBUSY || status[i] === -ERRNO.ENOMEM) returned++;
  }
  return { returned, movedPages };
}

const MOVES = 1_000;

function judge(
  state: MachineState,
  { process, page }: Mapping,
  target: number,
  { moveAll, isBusy }: Pick<MovePagesOptions, 'moveAll' | 'isBusy'>,
): number {
  const flags = flagsOf({ process, page });
  if (folioStart(page, flags) !== page) return -ERRNO.ENOENT;
  if (process.table.nodeAt(process.table.find(page)) === target) return target;
  if (flags & FACT.shared && !moveAll) return -ERRNO.EACCES;
  const forbidden = mappingsOf(state, process, page).some(
    (mapping) => mapping.process.allowed && !mapping.process.allowed.has(target),
  );
  if (forbidden) return -ERRNO.EACCES;
  const frame = process.table.frameAt(process.table.find(page));
  const stays = !(flags & FACT.movable) || state.marks.get(frame)?.state !== undefined || isBusy();
  return stays ? -ERRNO.EBUSY : MOVES;
}

function flagsOf({ process: { table }, page }: Mapping): number {
  return table.flagsAt(table.find(page));
}

/** Something may have happened to the process since the page tables were looked through. */
function stillMapped(mapping: Mapping | undefined, frame: number): boolean {
  if (!mapping) return false;
  const { table } = mapping.process;
  const slot = table.find(mapping.page);
  return slot >= 0 && table.flagsAt(slot) !== 0 && table.frameAt(slot) === frame;
}
