import fc from 'fast-check';
import { createExecutor } from '../../executor/create-executor.ts';
import type { Executor } from '../../executor/executor.ts';
import { createMemoryJournal } from '../../executor/journal.ts';
import type { LooseState, SimulatedMachine } from '../../executor/kernel-simulated.ts';
import type { CallResult, Kernel, OwnerMemory } from '../../executor/kernel.ts';
import type { Limits } from '../../executor/limits.ts';
import type { BoundPlan, FrameMoves, OwnerRef } from '../../executor/plan.ts';
import { FIRST_PAGE, SPAN, type Scene, scenes, setStage } from './scene.ts';

/** A scene whose processes share memory, and whose entries name the frames behind their pages. */
export interface FramesScene extends Scene {
  readonly shares: readonly {
    readonly from: number;
    readonly at: number;
    readonly to: number;
    readonly where: number;
  }[];
  readonly marks: readonly { readonly owner: number; readonly at: number; readonly state: LooseState }[];
  readonly byFrame: boolean;
}

const at = fc.nat({ max: SPAN - 1 });
const owner = fc.nat({ max: 2 });
const state = fc.constantFrom<LooseState>('poisoned', 'offline', 'unmovable');

export const framesScenes: fc.Arbitrary<FramesScene> = fc
  .tuple(
    scenes,
    fc.array(fc.record({ from: owner, at, to: owner, where: at }), { maxLength: 60 }),
    fc.array(fc.record({ owner, at, state }), { maxLength: 10 }),
    fc.record({ byFrame: fc.boolean(), shared: fc.boolean() }),
  )
  .map(([scene, shares, marks, { byFrame, shared }]) => ({
    ...scene,
    shares,
    marks,
    byFrame,
    limits: {
      ...scene.limits,
      allow: { ...(scene.limits.allow as object), shared },
      ...(byFrame && { backends: ['move_phys_pages'], movePhysPages: { number: 480 } }),
    },
  }));

/** What one call did to everybody's memory: base pages, by frame. */
export interface Call {
  /** Contents that changed their frame. */
  readonly moved: readonly Moved[];
  readonly survived: boolean;
}

export interface Moved {
  readonly from: number;
  readonly to: number;
  readonly fromNode: number;
  readonly toNode: number;
  /** Indices of the processes that map it. */
  readonly owners: readonly number[];
}

export interface FramesStage {
  readonly machine: SimulatedMachine;
  readonly owners: readonly OwnerRef[];
  readonly limits: Limits;
  readonly executor: Executor;
  readonly plan: BoundPlan;
  readonly calls: readonly Call[];
  /** Frames that are poisoned, offline or unmovable. */
  readonly marked: ReadonlySet<number>;
  readonly look: () => Placement;
}

/** `beforeLook` is called whenever the executor is about to look at frames or at who maps them. */
export function setFramesStage(
  scene: FramesScene,
  beforeLook: (machine: SimulatedMachine, owners: readonly OwnerRef[]) => void = () => {},
): FramesStage {
  const { machine, owners, limits, plan } = setStage(scene);
  const pick = (index: number) => owners[index % owners.length];
  for (const share of scene.shares) {
    const page = FIRST_PAGE + share.at;
    const there = FIRST_PAGE + share.where;
    if (
      pick(share.from) !== pick(share.to) &&
      isLone(scene, share.from, share.at) &&
      isLone(scene, share.to, share.where)
    )
      machine.shareFrame(pick(share.from), page, pick(share.to), there);
  }
  const marked = new Set<number>();
  for (const mark of scene.marks) {
    const frame = machine.frameOf(pick(mark.owner), FIRST_PAGE + mark.at);
    if (frame < 0 || !isLone(scene, mark.owner, mark.at)) continue;
    machine.markFrame(frame, { state: mark.state });
    marked.add(frame);
  }
  const calls: Call[] = [];
  const look = () => lookAt(machine, owners);
  return {
    machine,
    owners,
    limits,
    calls,
    marked,
    look,
    executor: createExecutor({
      kernel: witness(machine.kernel, look, calls, () => beforeLook(machine, owners)),
      limits,
      journal: createMemoryJournal(),
      clock: { nowMs: () => 0 },
    }),
    plan: toFrames(plan, machine),
  };
}

/** Whether the page belongs to no huge folio of its process. */
export function isLone(scene: Scene, index: number, offset: number): boolean {
  return !scene.processes[index % scene.processes.length].huge.includes(Math.floor(offset / 512));
}

/** The plan with the frames behind its pages, or, for those that are not there, frames of nobody. */
function toFrames(plan: BoundPlan, machine: SimulatedMachine): BoundPlan {
  return {
    ...plan,
    owners: [],
    space: plan.space.map(() => 1),
    pageNumber: plan.pageNumber.map((page, i) => {
      const frame = machine.frameOf(plan.owners[plan.owner[i]], page);
      return frame < 0 ? 262_144 + (page % 4_096) : frame;
    }),
  };
}

/** By process, its pages' frames and nodes; undefined for one that is gone. */
export type Placement = readonly ({ frames: Float64Array; nodes: Int16Array } | undefined)[];

const allPages = Float64Array.from({ length: SPAN + 1_024 }, (_, page) => FIRST_PAGE + page);

function lookAt(machine: SimulatedMachine, owners: readonly OwnerRef[]): Placement {
  return owners.map((each) => {
    if (!machine.kernel.open(each).ok) return undefined;
    return { frames: machine.framesOf(each, allPages), nodes: machine.nodesOf(each, allPages) };
  });
}

/** Contents that lie in another frame than before, each once, however many map it. */
export function compareFrames(before: Placement, after: Placement): Moved[] {
  const moved = new Map<number, Moved & { owners: number[] }>();
  for (const [index, was] of before.entries()) {
    const is = after[index];
    if (!was || !is) continue;
    for (let i = 0; i < allPages.length; i++) {
      const [from, to] = [was.frames[i], is.frames[i]];
      if (from < 0 || to < 0 || from === to) continue;
      const known = moved.get(from) ?? { from, to, fromNode: was.nodes[i], toNode: is.nodes[i], owners: [] };
      if (!known.owners.includes(index)) known.owners.push(index);
      moved.set(from, known);
    }
  }
  return [...moved.values()].toSorted((a, b) => a.from - b.from);
}

/** Moves of folios as moves of base pages. */
export function spread({ from, to, pages }: FrameMoves): { from: number; to: number }[] {
  const moves = Array.from(from, (_, row) =>
    Array.from({ length: pages[row] }, (_each, i) => ({ from: from[row] + i, to: to[row] + i })),
  );
  return moves.flat().toSorted((a, b) => a.from - b.from);
}

function witness(kernel: Kernel, look: () => Placement, calls: Call[], beforeLook: () => void): Kernel {
  /** The look right after a call is about that call. */
  let called = false;
  function watch(call: () => CallResult): CallResult {
    const before = look();
    const result = call();
    called = true;
    const after = look();
    const survived = after.every((each, i) => (each === undefined) === (before[i] === undefined));
    calls.push({ moved: compareFrames(before, after), survived });
    return result;
  }
  return {
    ...kernel,
    mappers(head) {
      beforeLook();
      return kernel.mappers(head);
    },
    moveFrames: (...args) => watch(() => kernel.moveFrames(...args)),
    open(ref) {
      const opened = kernel.open(ref);
      if (!opened.ok) return opened;
      const { value } = opened;
      function frames(page: Float64Array, frame: Float64Array): boolean {
        if (!called) beforeLook();
        called = false;
        return value.frames(page, frame);
      }
      const move: OwnerMemory['move'] = (...args) => watch(() => value.move(...args));
      return { ok: true, value: { ...value, frames, move } };
    },
  };
}
