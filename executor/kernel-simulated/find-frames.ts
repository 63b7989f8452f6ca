import { MAPPERS, type FrameMappers } from '../frame-mappers.ts';
import { FACT, FRAME, type FrameFacts } from '../kernel.ts';
import { type MachineState, type Process, folioPages, folioStart, mappingsOf } from './memory.ts';

/** Told of a row of the question, and who maps its frame where. */
type Visit = (index: number, process: Process, page: number, flags: number) => void;

/** Every mapping of the wanted frames, found as Linux lets one find them: by looking through all page tables. */
export function visitMappings({ processes }: MachineState, wanted: Float64Array, visit: Visit): void {
  const indexOf = new Map<number, number>();
  for (let i = 0; i < wanted.length; i++) indexOf.set(wanted[i], i);
  for (const process of processes.values()) {
    process.table.forEachPresent((page, slot) => {
      const index = indexOf.get(process.table.frameAt(slot));
      if (index !== undefined) visit(index, process, page, process.table.flagsAt(slot));
    });
  }
}

/** What `/proc/kpageflags` and `/proc/kpagecgroup` tell. */
export function readFrameFacts(
  state: MachineState,
  frame: Float64Array,
  inodeOf: (cgroup: string) => number,
): FrameFacts {
  const facts = {
    state: Uint8Array.from(frame, (each) => stateOfUnmapped(state, each)),
    folioStart: frame.slice(),
    folioPages: new Uint32Array(frame.length).fill(1),
    charged: new Float64Array(frame.length),
  };
  visitMappings(state, frame, (index, process, page, flags) => {
    const mark = state.marks.get(frame[index]);
    const [first] = mappingsOf(state, process, page);
    facts.state[index] = mark?.state ?? (flags & FACT.movable ? FRAME.usable : FRAME.unmovable);
    facts.folioStart[index] = frame[index] - (page - folioStart(page, flags));
    facts.folioPages[index] = folioPages(flags);
    facts.charged[index] = inodeOf(mark?.cgroup ?? first.process.cgroup);
  });
  // The search finds the last of rows that ask for the same frame.
  for (let i = frame.length - 2; i >= 0; i--) {
    if (frame[i] !== frame[i + 1]) continue;
    for (const column of Object.values(facts)) column[i] = column[i + 1];
  }
  return facts;
}

function stateOfUnmapped({ nodes, loose }: MachineState, frame: number): number {
  const exists = [...nodes.values()].some(({ frames }) => frame >= frames.first && frame < frames.end);
  return loose.get(frame) ?? (exists ? FRAME.free : FRAME.offline);
}

/** Who maps folios, given by their first frames: one row for each process and place. */
export function findFrameMappers(state: MachineState, head: Float64Array): FrameMappers {
  const rows: { index: number; pid: number; page: number }[] = [];
  visitMappings(state, head, (index, process, page) => rows.push({ index, pid: process.ref.pid, page }));
  rows.sort((a, b) => a.index - b.index || a.pid - b.pid || a.page - b.page);
  return {
    frame: Uint32Array.from(rows, ({ index }) => index),
    pid: Uint32Array.from(rows, ({ pid }) => pid),
    pageNumber: Float64Array.from(rows, ({ page }) => page),
    answer: new Uint8Array(head.length).fill(MAPPERS.complete),
    how: { cached: 0, walked: 0, scanned: head.length, stale: 0 },
  };
}
