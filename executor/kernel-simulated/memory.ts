import { FACT } from '../kernel.ts';
import type { OwnerRef } from '../plan.ts';
import { ABSENT, type PageTable, createPageTable } from './page-table.ts';

export const HUGE_PAGES = 512;

/** Bits of a page's flags beyond those of `FACT`. */
export const EXTRA = {
  /** Something holds a reference: migration fails. */
  pinned: 256,
  /** Part of an aligned folio of `HUGE_PAGES`, all of it present on one node. */
  huge: 512,
} as const;

/** One simulated node. Sizes are base pages. */
export interface SimulatedNode {
  readonly node: number;
  /** 0 = fastest. */
  readonly tier: number;
  readonly hasCpus: boolean;
  readonly capacityPages: number;
  /** Default 0. */
  readonly watermarkPages?: number;
  readonly latencyNs: number;
  readonly bandwidthMib: number;
}

export interface NodeState extends SimulatedNode {
  readonly watermarkPages: number;
  /** Pages of simulated processes. */
  held: number;
  /** Pages of everybody else. */
  filled: number;
}

export interface Process {
  ref: OwnerRef;
  readonly cgroup: string;
  readonly uid: number;
  table: PageTable;
  /** Present pages by node id. */
  held: Float64Array;
  /** Its cpuset; undefined = all nodes. */
  allowed: ReadonlySet<number> | undefined;
}

/** The whole simulated machine; `machine.ts` is the interface to it, `move-pages.ts` one syscall of it. */
export interface MachineState {
  generation: number;
  readonly nodes: Map<number, NodeState>;
  readonly processes: Map<number, Process>;
}

export function freePages(node: NodeState): number {
  return node.capacityPages - node.held - node.filled;
}

export function createProcess(ref: OwnerRef, cgroup: string, uid: number): Process {
  return { ref, cgroup, uid, table: createPageTable(), held: new Float64Array(256), allowed: undefined };
}

/** The process of exactly that name: undefined after exit and after exec. */
export function findProcess({ processes }: MachineState, ref: OwnerRef): Process | undefined {
  const process = processes.get(ref.pid);
  const same =
    process?.ref.startTimeTicks === ref.startTimeTicks && process.ref.stackStart === ref.stackStart;
  return same ? process : undefined;
}

/** -1 = not present. */
export function nodeOfPage({ table }: Process, page: number): number {
  const slot = table.find(page);
  const node = slot < 0 ? ABSENT : table.nodeAt(slot);
  return node === ABSENT ? -1 : node;
}

/** First touch: the fastest allowed node above its watermark, else the fastest with any page; -1 = none. */
export function placePage({ nodes }: MachineState, process: Process, page: number): number {
  const slot = process.table.add(page);
  if (process.table.nodeAt(slot) !== ABSENT) return process.table.nodeAt(slot);
  const node = chooseNode(nodes, process, 1);
  if (!node) return -1;
  process.table.setNode(slot, node.node);
  process.table.setFlags(slot, FACT.present | FACT.movable);
  count(node, process, 1);
  return node.node;
}

export function chooseNode(
  nodes: ReadonlyMap<number, NodeState>,
  process: Process,
  pages: number,
): NodeState | undefined {
  let lastResort: NodeState | undefined;
  for (const node of nodes.values()) {
    if (process.allowed && !process.allowed.has(node.node)) continue;
    const free = freePages(node);
    if (free >= node.watermarkPages + pages) return node;
    if (free >= pages) lastResort ??= node;
  }
  return lastResort;
}

/** Takes a present page from its node to another, room or not. */
export function relocatePage({ nodes }: MachineState, process: Process, slot: number, to: number): void {
  const from = nodes.get(process.table.nodeAt(slot));
  if (from) count(from, process, -1);
  const target = nodes.get(to);
  if (target) count(target, process, 1);
  process.table.setNode(slot, to);
}

export function freePage({ nodes }: MachineState, process: Process, slot: number): void {
  const node = nodes.get(process.table.nodeAt(slot));
  if (node) count(node, process, -1);
  process.table.setNode(slot, ABSENT);
  process.table.setFlags(slot, 0);
}

function freeAll(state: MachineState, process: Process): void {
  for (const node of state.nodes.values()) node.held -= process.held[node.node];
  process.held.fill(0);
  process.table = createPageTable();
}

/** First page of the folio that a page with these flags belongs to. */
export function folioStart(page: number, flags: number): number {
  return flags & EXTRA.huge ? page - (page % HUGE_PAGES) : page;
}

export function folioPages(flags: number): number {
  return flags & EXTRA.huge ? HUGE_PAGES : 1;
}

/** Turns a huge folio into base pages that stay where they are. */
export function splitFolio({ table }: Process, start: number): void {
  for (let page = start; page < start + HUGE_PAGES; page++) {
    const slot = table.find(page);
    if (slot >= 0) table.setFlags(slot, table.flagsAt(slot) & ~EXTRA.huge);
  }
}

function count(node: NodeState, process: Process, pages: number): void {
  node.held += pages;
  process.held[node.node] += pages;
}

export function exitProcess(state: MachineState, process: Process): void {
  freeAll(state, process);
  state.processes.delete(process.ref.pid);
}

export function execProcess(state: MachineState, process: Process): void {
  freeAll(state, process);
  process.ref = { ...process.ref, stackStart: String(Number(process.ref.stackStart) + 1) };
}
