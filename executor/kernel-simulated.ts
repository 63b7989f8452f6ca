import { FACT, FRAME, type Kernel } from './kernel.ts';
import { createFrameStore, spanOf } from './kernel-simulated/frame-store.ts';
import { type SimulatedMachineOptions, createSimulatedKernel } from './kernel-simulated/kernel.ts';
import {
  EXTRA,
  type FrameMark,
  HUGE_PAGES,
  type MachineState,
  type NodeState,
  type Process,
  type SimulatedNode,
  chooseNode,
  createProcess,
  execProcess,
  exitProcess,
  findProcess,
  folioPages,
  folioStart,
  frameOfPage,
  freePage,
  freePages,
  mappingsOf,
  nodeOfPage,
  placePage,
  relocateHuge,
  relocatePage,
  shareFrame,
  splitFolio,
} from './kernel-simulated/memory.ts';
import { ABSENT } from './kernel-simulated/page-table.ts';
import { createRandom } from './kernel-simulated/random.ts';
import type { OwnerRef } from './plan.ts';

export type { SimulatedFaults, SimulatedMachineOptions } from './kernel-simulated/kernel.ts';
export type { SimulatedNode } from './kernel-simulated/memory.ts';

export interface PageProperties {
  readonly shared?: boolean;
  readonly mlocked?: boolean;
  readonly hugetlb?: boolean;
  readonly movable?: boolean;
  readonly policyBound?: boolean;
  readonly file?: boolean;
  readonly pinned?: boolean;
}

/** States of a frame that no page of a process is behind. */
export type LooseState = 'usable' | 'kernel' | 'offline' | 'poisoned' | 'unmovable';

/** The machine's own side: what processes and the outside world do to it. Page numbers are virtual. */
export interface SimulatedMachine {
  readonly kernel: Kernel;
  /** Without `ref` a fresh process; `cgroup` defaults to `/`, `uid` to 0. */
  spawn(options?: { readonly ref?: OwnerRef; readonly cgroup?: string; readonly uid?: number }): OwnerRef;
  exit(owner: OwnerRef): void;
  /** The process goes on with empty memory; answers how it is named from now on. */
  exec(owner: OwnerRef): OwnerRef;
  /** Node of the page, placed at the first touch; -1 = the machine is full or the process gone. */
  touch(owner: OwnerRef, pageNumber: number): number;
  touchMany(owner: OwnerRef, pageNumbers: Float64Array): Int16Array;
  /** -1 = not present. */
  nodeOf(owner: OwnerRef, pageNumber: number): number;
  nodesOf(owner: OwnerRef, pageNumbers: Float64Array): Int16Array;
  free(owner: OwnerRef, pageNumber: number, pages: number): void;
  /** Puts a present page elsewhere at once, whatever the room; for setting a scene. */
  place(owner: OwnerRef, pageNumber: number, node: number): void;
  setFlags(owner: OwnerRef, pageNumber: number, properties: PageProperties): void;
  /** One folio of 512 pages from an aligned page number on; its node, or -1 where no node has the room. */
  makeHuge(owner: OwnerRef, alignedPageNumber: number): number;
  /** -1 = not present. */
  frameOf(owner: OwnerRef, pageNumber: number): number;
  framesOf(owner: OwnerRef, pageNumbers: Float64Array): Float64Array;
  /** A second process maps the same frame (huge folios whole, at an aligned page), as after a fork. */
  shareFrame(owner: OwnerRef, pageNumber: number, other: OwnerRef, otherPageNumber: number): void;
  /** A frame in use that nobody maps: page cache if `usable`. */
  addFrame(node: number, state: LooseState): number;
  /** Frees what `addFrame` made. */
  dropFrame(frame: number): void;
  /** Says of a mapped frame what does not follow from its use. */
  markFrame(frame: number, mark: { readonly state?: LooseState; readonly cgroup?: string }): void;
  setCpuset(owner: OwnerRef, nodes: readonly number[] | undefined): void;
  /** Base pages held per node by all processes. */
  usage(): ReadonlyMap<number, number>;
  freePages(node: number): number;
  addNode(node: SimulatedNode): void;
  /** Its pages go to the nodes that are left, as first touch would place them. */
  removeNode(node: number): void;
  /** Others take (or, negative, give back) this many pages of a node, as far as there are. */
  fill(node: number, pages: number): void;
}

/** A machine in memory that answers the kernel port as Linux does, corners included. Deterministic. */
export function createSimulatedMachine(options: SimulatedMachineOptions): SimulatedMachine {
  const state: MachineState = {
    generation: 1,
    nodes: new Map(),
    processes: new Map(),
    shared: new Map(),
    marks: new Map(),
    loose: new Map(),
  };
  // Frames have chances of their own, so that which faults happen does not depend on what is allocated.
  const random = createRandom((options.seed ?? 1) + 1);
  let nextPid = 1_000;
  let nextFrame = FIRST_FRAME;

  function nameFreshProcess(): OwnerRef {
    while (state.processes.has(nextPid)) nextPid++;
    return { pid: nextPid, startTimeTicks: nextPid++, stackStart: '140000000000000' };
  }

  function startNode(node: SimulatedNode): NodeState {
    const span = spanOf(node.capacityPages);
    const frames = createFrameStore(nextFrame, span, random);
    nextFrame += span;
    return { ...node, watermarkPages: node.watermarkPages ?? 0, held: 0, filled: 0, frames };
  }

  const processOf = (owner: OwnerRef) => findProcess(state, owner);

  function framesOf(owner: OwnerRef, pageNumbers: Float64Array): Float64Array {
    const process = processOf(owner);
    return pageNumbers.map((page) => (process ? frameOfPage(process, page) : -1));
  }

  function nodesOf(owner: OwnerRef, pageNumbers: Float64Array): Int16Array {
    const process = processOf(owner);
    return Int16Array.from(pageNumbers, (page) => (process ? nodeOfPage(process, page) : -1));
  }

  setNodes(state, options.nodes.map(startNode));
  return {
    kernel: createSimulatedKernel(state, options),
    spawn({ ref, cgroup = '/', uid = 0 } = {}) {
      const named = ref ?? nameFreshProcess();
      state.processes.set(named.pid, createProcess(named, cgroup, uid));
      return named;
    },
    exit(owner) {
      const process = processOf(owner);
      if (process) exitProcess(state, process);
    },
    exec(owner) {
      const process = processOf(owner);
      if (process) execProcess(state, process);
      return process?.ref ?? owner;
    },
    touch(owner, pageNumber) {
      const process = processOf(owner);
      return process ? placePage(state, process, pageNumber) : -1;
    },
    touchMany(owner, pageNumbers) {
      const process = processOf(owner);
      return Int16Array.from(pageNumbers, (page) => (process ? placePage(state, process, page) : -1));
    },
    nodeOf: (owner, pageNumber) => nodesOf(owner, Float64Array.of(pageNumber))[0],
    nodesOf,
    free(owner, pageNumber, pages) {
      const process = processOf(owner);
      if (!process) return;
      for (let page = pageNumber; page < pageNumber + pages; page++) {
        const slot = process.table.find(page);
        if (slot < 0 || process.table.nodeAt(slot) === ABSENT) continue;
        if (process.table.flagsAt(slot) & EXTRA.huge) splitFolio(state, process, page - (page % HUGE_PAGES));
        freePage(state, process, page);
      }
    },
    place(owner, pageNumber, node) {
      const process = processOf(owner);
      const slot = process ? process.table.find(pageNumber) : -1;
      if (!process || slot < 0 || process.table.nodeAt(slot) === ABSENT) return;
      const flags = process.table.flagsAt(slot);
      if (flags & EXTRA.huge) relocateHuge(state, process, folioStart(pageNumber, flags), node);
      else relocatePage(state, process, pageNumber, node);
    },
    setFlags(owner, pageNumber, properties) {
      const process = processOf(owner);
      const slot = process ? process.table.find(pageNumber) : -1;
      if (!process || slot < 0 || process.table.nodeAt(slot) === ABSENT) return;
      for (const { process: each, page } of mappingsOf(state, process, pageNumber)) {
        const mapped = each.table.find(page);
        let flags = each.table.flagsAt(mapped);
        for (const [name, value] of Object.entries(properties)) {
          const bit = name === 'pinned' ? EXTRA.pinned : FACT[name as keyof typeof FACT];
          flags = value ? flags | bit : flags & ~bit;
        }
        each.table.setFlags(mapped, flags);
      }
    },
    makeHuge(owner, start) {
      const process = processOf(owner);
      if (!process || start % HUGE_PAGES !== 0) return -1;
      this.free(owner, start, HUGE_PAGES);
      const node = chooseNode(state.nodes, process, HUGE_PAGES);
      if (!node) return -1;
      placeHuge(process, start, node);
      return node.node;
    },
    frameOf: (owner, pageNumber) => framesOf(owner, Float64Array.of(pageNumber))[0],
    framesOf,
    shareFrame(owner, pageNumber, other, otherPageNumber) {
      const [from, to] = [processOf(owner), processOf(other)];
      if (!from || !to || nodeOfPage(from, pageNumber) < 0) return;
      const flags = from.table.flagsAt(from.table.find(pageNumber));
      const start = folioStart(pageNumber, flags);
      const otherStart = otherPageNumber - (pageNumber - start);
      this.free(other, otherStart, folioPages(flags));
      for (let i = 0; i < folioPages(flags); i++)
        shareFrame(state, { process: from, page: start + i }, { process: to, page: otherStart + i });
    },
    addFrame(node, name) {
      const found = state.nodes.get(node);
      if (!found) return -1;
      const frame = found.frames.take();
      found.filled++;
      state.loose.set(frame, FRAME[name]);
      return frame;
    },
    dropFrame(frame) {
      const node = [...state.nodes.values()].find(
        ({ frames }) => frame >= frames.first && frame < frames.end,
      );
      if (!state.loose.delete(frame) || !node) return;
      node.filled--;
      node.frames.give(frame);
    },
    markFrame(frame, { state: name, cgroup }) {
      const mark: FrameMark = {
        ...(name !== undefined && { state: FRAME[name] }),
        ...(cgroup !== undefined && { cgroup }),
      };
      state.marks.set(frame, mark);
    },
    setCpuset(owner, nodes) {
      const process = processOf(owner);
      if (process) process.allowed = nodes && new Set(nodes);
    },
    usage: () => new Map([...state.nodes.values()].map(({ node, held }) => [node, held])),
    freePages(node) {
      const found = state.nodes.get(node);
      return found ? freePages(found) : 0;
    },
    addNode(node) {
      setNodes(state, [...state.nodes.values(), startNode(node)]);
      state.generation++;
    },
    removeNode(gone) {
      setNodes(
        state,
        [...state.nodes.values()].filter(({ node }) => node !== gone),
      );
      state.generation++;
      for (const process of state.processes.values()) evacuate(state, process, gone);
      for (const process of state.processes.values()) process.held[gone] = 0;
    },
    fill(node, pages) {
      const found = state.nodes.get(node);
      if (found) found.filled += Math.max(-found.filled, Math.min(pages, freePages(found)));
    },
  };
}

/** 1 GiB: what lies below has no node. */
const FIRST_FRAME = 262_144;

function placeHuge(process: Process, start: number, node: NodeState): void {
  const head = node.frames.takeBlock();
  node.held += HUGE_PAGES;
  process.held[node.node] += HUGE_PAGES;
  for (let i = 0; i < HUGE_PAGES; i++) {
    const slot = process.table.add(start + i);
    process.table.setNode(slot, node.node);
    process.table.setFrame(slot, head + i);
    process.table.setFlags(slot, FACT.present | FACT.movable | EXTRA.huge);
  }
}

/** Fastest first, which is the order of first touch. */
function setNodes({ nodes }: MachineState, list: readonly NodeState[]): void {
  nodes.clear();
  const sorted = list.toSorted((a, b) => a.tier - b.tier || a.latencyNs - b.latencyNs || a.node - b.node);
  for (const node of sorted) nodes.set(node.node, node);
}

function evacuate(state: MachineState, process: Process, gone: number): void {
  process.table.forEachPresent((page, slot) => {
    if (process.table.nodeAt(slot) !== gone) return;
    if (process.table.flagsAt(slot) & EXTRA.huge) splitFolio(state, process, page - (page % HUGE_PAGES));
    const refuge = chooseNode(state.nodes, process, 1);
    if (refuge) relocatePage(state, process, page, refuge.node);
    else freePage(state, process, page);
  });
}
