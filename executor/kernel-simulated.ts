import { FACT, type Kernel } from './kernel.ts';
import { type SimulatedMachineOptions, createSimulatedKernel } from './kernel-simulated/kernel.ts';
import {
  EXTRA,
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
  freePage,
  freePages,
  nodeOfPage,
  placePage,
  relocatePage,
  splitFolio,
} from './kernel-simulated/memory.ts';
import { ABSENT } from './kernel-simulated/page-table.ts';
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
  const state: MachineState = { generation: 1, nodes: new Map(), processes: new Map() };
  let nextPid = 1_000;
  setNodes(state, options.nodes.map(startNode));

  function nameFreshProcess(): OwnerRef {
    while (state.processes.has(nextPid)) nextPid++;
    return { pid: nextPid, startTimeTicks: nextPid++, stackStart: '140000000000000' };
  }

  const processOf = (owner: OwnerRef) => findProcess(state, owner);

  function nodesOf(owner: OwnerRef, pageNumbers: Float64Array): Int16Array {
    const process = processOf(owner);
    return Int16Array.from(pageNumbers, (page) => (process ? nodeOfPage(process, page) : -1));
  }

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
        if (process.table.flagsAt(slot) & EXTRA.huge) splitFolio(process, page - (page % HUGE_PAGES));
        freePage(state, process, slot);
      }
    },
    place(owner, pageNumber, node) {
      const process = processOf(owner);
      const slot = process ? process.table.find(pageNumber) : -1;
      if (!process || slot < 0 || process.table.nodeAt(slot) === ABSENT) return;
      const flags = process.table.flagsAt(slot);
      const start = folioStart(pageNumber, flags);
      for (let page = start; page < start + folioPages(flags); page++) {
        relocatePage(state, process, process.table.find(page), node);
      }
    },
    setFlags(owner, pageNumber, properties) {
      const process = processOf(owner);
      const slot = process ? process.table.find(pageNumber) : -1;
      if (!process || slot < 0 || process.table.nodeAt(slot) === ABSENT) return;
      let flags = process.table.flagsAt(slot);
      for (const [name, value] of Object.entries(properties)) {
        const bit = name === 'pinned' ? EXTRA.pinned : FACT[name as keyof typeof FACT];
        flags = value ? flags | bit : flags & ~bit;
      }
      process.table.setFlags(slot, flags);
    },
    makeHuge(owner, start) {
      const process = processOf(owner);
      if (!process || start % HUGE_PAGES !== 0) return -1;
      this.free(owner, start, HUGE_PAGES);
      const node = chooseNode(state.nodes, process, HUGE_PAGES);
      if (!node) return -1;
      for (let page = start; page < start + HUGE_PAGES; page++) {
        placePage(state, process, page);
        const slot = process.table.find(page);
        relocatePage(state, process, slot, node.node);
        process.table.setFlags(slot, process.table.flagsAt(slot) | EXTRA.huge);
      }
      return node.node;
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
    },
    fill(node, pages) {
      const found = state.nodes.get(node);
      if (found) found.filled += Math.max(-found.filled, Math.min(pages, freePages(found)));
    },
  };
}

function startNode(node: SimulatedNode): NodeState {
  return { ...node, watermarkPages: node.watermarkPages ?? 0, held: 0, filled: 0 };
}

/** Fastest first, which is the order of first touch. */
function setNodes({ nodes }: MachineState, list: readonly NodeState[]): void {
  nodes.clear();
  const sorted = list.toSorted((a, b) => a.tier - b.tier || a.latencyNs - b.latencyNs || a.node - b.node);
  for (const node of sorted) nodes.set(node.node, node);
}

function evacuate(state: MachineState, process: Process, gone: number): void {
  process.table.forEachPresent((_page, slot) => {
    if (process.table.nodeAt(slot) !== gone) return;
    process.held[gone]--;
    const refuge = chooseNode(state.nodes, process, 1);
    if (refuge) relocatePage(state, process, slot, refuge.node);
    else freePage(state, process, slot);
  });
}
