import { FACT } from '../kernel.ts';
import type { OwnerRef } from '../plan.ts';
import type { FrameStore } from './frame-store.ts';
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
  readonly frames: FrameStore;
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

/** One place where a frame is mapped. */
export interface Mapping {
  readonly process: Process;
  readonly page: number;
}

/** What is true of a frame beside being mapped; it goes along when the contents move, and ends with them. */
export interface FrameMark {
  /** One of `FRAME`; absent = as its use says. */
  readonly state?: number;
  /** Cgroup charged for it; absent = that of its first mapper. */
  readonly cgroup?: string;
}

/** The whole simulated machine; `machine.ts` is the interface to it, `move-pages.ts` one syscall of it. */
export interface MachineState {
  generation: number;
  readonly nodes: Map<number, NodeState>;
  readonly processes: Map<number, Process>;
  /** Mappings of the frames that have several; the first of them is the one that counts. */
  readonly shared: Map<number, Mapping[]>;
  readonly marks: Map<number, FrameMark>;
  /** Frames that nobody maps and that are not free, by `FRAME` state. */
  readonly loose: Map<number, number>;
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

/** -1 = not present. */
export function frameOfPage({ table }: Process, page: number): number {
  const slot = table.find(page);
  return slot < 0 || table.nodeAt(slot) === ABSENT ? -1 : table.frameAt(slot);
}

/** First touch: the fastest allowed node above its watermark, else the fastest with any page; -1 = none. */
export function placePage({ nodes }: MachineState, process: Process, page: number): number {
  const slot = process.table.add(page);
  if (process.table.nodeAt(slot) !== ABSENT) return process.table.nodeAt(slot);
  const node = chooseNode(nodes, process, 1);
  if (!node) return -1;
  process.table.setNode(slot, node.node);
  process.table.setFrame(slot, node.frames.take());
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

/** Takes a lone present page from its node to another, room or not. All who map its frame see it move. */
export function relocatePage(state: MachineState, process: Process, page: number, to: number): void {
  const slot = process.table.find(page);
  const frame = process.table.frameAt(slot);
  const from = state.nodes.get(process.table.nodeAt(slot));
  const target = state.nodes.get(to);
  moveContents(state, process, page, to, target ? target.frames.take() : 0);
  from?.frames.give(frame);
}

/** The same for a whole huge folio. */
export function relocateHuge(state: MachineState, process: Process, start: number, to: number): void {
  const slot = process.table.find(start);
  const head = process.table.frameAt(slot);
  const from = state.nodes.get(process.table.nodeAt(slot));
  const block = state.nodes.get(to)?.frames.takeBlock() ?? 0;
  for (let i = 0; i < HUGE_PAGES; i++) moveContents(state, process, start + i, to, block + i);
  from?.frames.giveBlock(head);
}

function moveContents(
  state: MachineState,
  process: Process,
  page: number,
  to: number,
  newFrame: number,
): void {
  const slot = process.table.find(page);
  const frame = process.table.frameAt(slot);
  const from = state.nodes.get(process.table.nodeAt(slot));
  const mappings = state.shared.get(frame) ?? [{ process, page }];
  const target = state.nodes.get(to);
  if (from) count(from, mappings[0].process, -1);
  if (target) count(target, mappings[0].process, 1);
  for (const mapping of mappings) {
    const { table } = mapping.process;
    const mapped = table.find(mapping.page);
    table.setNode(mapped, to);
    table.setFrame(mapped, newFrame);
  }
  rename(state.shared, frame, newFrame);
  rename(state.marks, frame, newFrame);
}

function rename<T>(map: Map<number, T>, from: number, to: number): void {
  const value = map.get(from);
  map.delete(from);
  if (value !== undefined) map.set(to, value);
}

/** Unmaps a lone page; its frame is free when nobody else maps it. */
export function freePage(state: MachineState, process: Process, page: number): void {
  const frame = unmapPage(state, process, page);
  if (frame) frame.node.frames.give(frame.number);
}

/** The frame that nobody maps any more by that, or undefined. */
function unmapPage(
  state: MachineState,
  process: Process,
  page: number,
): { readonly node: NodeState; readonly number: number } | undefined {
  const slot = process.table.find(page);
  const number = process.table.frameAt(slot);
  const node = state.nodes.get(process.table.nodeAt(slot));
  process.table.setNode(slot, ABSENT);
  process.table.setFlags(slot, 0);
  const mappings = state.shared.get(number);
  if (mappings) {
    const at = mappings.findIndex((mapping) => mapping.process === process && mapping.page === page);
    mappings.splice(at, 1);
    if (node && at === 0) {
      count(node, process, -1);
      count(node, mappings[0].process, 1);
    }
    if (mappings.length === 1) unshare(state, number, mappings[0]);
    return undefined;
  }
  state.marks.delete(number);
  if (node) count(node, process, -1);
  return node && { node, number };
}

function unshare(state: MachineState, frame: number, { process: { table }, page }: Mapping): void {
  const slot = table.find(page);
  table.setFlags(slot, table.flagsAt(slot) & ~FACT.shared);
  state.shared.delete(frame);
}

/** Maps the frame behind a present page of one process at a page of another, too. */
export function shareFrame(state: MachineState, owner: Mapping, other: Mapping): void {
  const from = owner.process.table;
  const to = other.process.table.add(other.page);
  const slot = from.find(owner.page);
  const frame = from.frameAt(slot);
  from.setFlags(slot, from.flagsAt(slot) | FACT.shared);
  other.process.table.setNode(to, from.nodeAt(slot));
  other.process.table.setFrame(to, frame);
  other.process.table.setFlags(to, from.flagsAt(slot));
  const mappings = state.shared.get(frame);
  if (mappings) mappings.push(other);
  else state.shared.set(frame, [owner, other]);
}

function freeAll(state: MachineState, process: Process): void {
  process.table.forEachPresent((page, slot) => {
    if ((process.table.flagsAt(slot) & EXTRA.huge) === 0) freePage(state, process, page);
    else if (page % HUGE_PAGES === 0) freeHuge(state, process, page);
  });
  process.table = createPageTable();
}

function freeHuge(state: MachineState, process: Process, start: number): void {
  const head = unmapPage(state, process, start);
  for (let page = start + 1; page < start + HUGE_PAGES; page++) unmapPage(state, process, page);
  head?.node.frames.giveBlock(head.number);
}

/** First page of the folio that a page with these flags belongs to. */
export function folioStart(page: number, flags: number): number {
  return flags & EXTRA.huge ? page - (page % HUGE_PAGES) : page;
}

export function folioPages(flags: number): number {
  return flags & EXTRA.huge ? HUGE_PAGES : 1;
}

/** Turns a huge folio into base pages that stay where they are, for all who map it. */
export function splitFolio(state: MachineState, process: Process, start: number): void {
  for (let page = start; page < start + HUGE_PAGES; page++) {
    for (const mapping of mappingsOf(state, process, page)) {
      const { table } = mapping.process;
      const slot = table.find(mapping.page);
      table.setFlags(slot, table.flagsAt(slot) & ~EXTRA.huge);
    }
  }
}

/** Everybody who maps the frame behind a present page, the one it counts for first. */
export function mappingsOf({ shared }: MachineState, process: Process, page: number): readonly Mapping[] {
  return shared.get(process.table.frameAt(process.table.find(page))) ?? [{ process, page }];
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
