import fc from 'fast-check';
import { createExecutor } from '../../executor/create-executor.ts';
import type { Executor } from '../../executor/executor.ts';
import { createMemoryJournal } from '../../executor/journal.ts';
import {
  type PageProperties,
  type SimulatedFaults,
  type SimulatedMachine,
  createSimulatedMachine,
} from '../../executor/kernel-simulated.ts';
import type { Kernel, OwnerMemory } from '../../executor/kernel.ts';
import type { Limits } from '../../executor/limits.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { BoundPlan, Flow, OwnerRef } from '../../executor/plan.ts';
import type { Result } from '../../executor/result.ts';

/** Everything that decides a run: a machine, its processes, the operator's limits and a plan. */
export interface Scene {
  readonly nodes: readonly {
    readonly tier: number;
    readonly capacityPages: number;
    readonly watermarkPages: number;
  }[];
  readonly processes: readonly {
    readonly cgroup: string;
    readonly cpuset: readonly number[] | undefined;
    readonly ranges: readonly { readonly at: number; readonly pages: number; readonly node: number }[];
    readonly huge: readonly number[];
    readonly special: readonly { readonly at: number; readonly properties: PageProperties }[];
  }[];
  readonly entries: readonly {
    readonly owner: number;
    readonly at: number;
    readonly pages: number;
    readonly target: number;
    readonly priority: number;
  }[];
  readonly headroom: readonly { readonly node: number; readonly pages: number }[];
  readonly limits: Record<string, unknown>;
  readonly faults: SimulatedFaults;
  readonly seed: number;
}

export const SCOPE = 'tenant';
/** All scenes lie from here on, over three blocks of 512 pages. */
export const FIRST_PAGE = 512 * 1_000;
export const SPAN = 512 * 3;

const nodeCount = 3;
const at = fc.nat({ max: SPAN - 1 });
const count = (max: number) => fc.integer({ min: 0, max });
/** The usual value seven times in eight: a scene in which everything is forbidden shows little. */
const mostly = <T>(usual: T, otherwise: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: otherwise });

const special = fc.constantFrom<PageProperties>(
  { shared: true },
  { mlocked: true },
  { hugetlb: true },
  { movable: false },
  { policyBound: true },
  { pinned: true },
);

const limits = fc.record({
  nodes: mostly<readonly number[]>([0, 1, 2], fc.subarray([0, 1, 2], { minLength: 1 })),
  pagesMax: mostly(undefined, count(1_200)),
  lonePair: mostly(false, fc.constant(true)),
  pagesPerEpochMax: mostly(100_000, count(100)),
  reserve: count(40),
  headroomPagesMax: count(60),
  partialHuge: fc.constantFrom('refuse', 'round'),
  allow: fc.record({ mlocked: fc.boolean(), hugetlb: fc.boolean(), policyBound: fc.boolean() }),
  protectFirst: mostly(false, fc.constant(true)),
});

function writeLimits(
  drawn: typeof limits extends fc.Arbitrary<infer T> ? T : never,
): Record<string, unknown> {
  const { nodes, pagesMax, lonePair, pagesPerEpochMax, reserve, headroomPagesMax, partialHuge, allow } =
    drawn;
  return {
    scopes: {
      [SCOPE]: {
        members: { kind: 'cgroup', path: '/tenant' },
        nodes: Object.fromEntries(nodes.map((node) => [node, pagesMax === undefined ? {} : { pagesMax }])),
        ...(lonePair && nodes.length > 1 && { pairs: [[nodes[0], nodes[1]]] }),
        pagesPerEpochMax,
      },
    },
    reservePages: { '0': reserve },
    headroomPagesMax,
    partialHuge,
    allow,
    ...(drawn.protectFirst && { protectedPids: [1_000] }),
  };
}

export const scenes: fc.Arbitrary<Scene> = fc.record({
  nodes: fc.array(
    fc.record({
      tier: fc.nat({ max: 2 }),
      capacityPages: fc.integer({ min: 200, max: 3_000 }),
      watermarkPages: count(60),
    }),
    { minLength: nodeCount, maxLength: nodeCount },
  ),
  processes: fc.array(
    fc.record({
      cgroup: mostly('/tenant', fc.constantFrom('/tenant/part', '/tenancy')),
      cpuset: mostly<readonly number[] | undefined>(undefined, fc.constantFrom([0, 1], [2])),
      ranges: fc.array(
        fc.record({ at, pages: fc.integer({ min: 200, max: 900 }), node: fc.nat({ max: nodeCount - 1 }) }),
        { minLength: 2, maxLength: 5 },
      ),
      huge: mostly<readonly number[]>([], fc.array(fc.nat({ max: 2 }), { maxLength: 2 })),
      special: fc.array(fc.record({ at, properties: special }), { maxLength: 30 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  entries: fc.array(
    fc.record({
      owner: fc.nat({ max: 2 }),
      at,
      pages: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 64 }), fc.constantFrom(512, 700)),
      target: fc.oneof(
        { weight: 12, arbitrary: fc.nat({ max: nodeCount - 1 }) },
        { weight: 1, arbitrary: fc.constantFrom(nodeCount, 255) },
      ),
      priority: fc.nat({ max: 3 }),
    }),
    { minLength: 6, maxLength: 40 },
  ),
  headroom: fc.constantFrom([], [{ node: 1, pages: 50 }]),
  limits: limits.map(writeLimits),
  faults: fc.constant({}),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});

/** Chances of everything that can go wrong in a call. */
export const faults: fc.Arbitrary<SimulatedFaults> = fc.record({
  busyPerFolio: fc.constantFrom(0, 0.05, 0.5),
  exitPerCall: fc.constantFrom(0, 0.2),
  execPerCall: fc.constantFrom(0, 0.2),
  fillPerCall: fc.constantFrom(0, 0.3),
});

/** What one kernel call did, as the machine itself saw it. */
export interface Witnessed {
  readonly owner: OwnerRef;
  readonly flows: readonly Flow[];
  /** The first page moved of those that had any special property, or undefined. */
  readonly moved: readonly number[];
  readonly freeBefore: ReadonlyMap<number, number>;
  readonly freeAfter: ReadonlyMap<number, number>;
  readonly heldBefore: ReadonlyMap<number, number>;
  readonly heldAfter: ReadonlyMap<number, number>;
  readonly survived: boolean;
}

export interface Stage {
  readonly machine: SimulatedMachine;
  readonly owners: readonly OwnerRef[];
  readonly limits: Limits;
  readonly executor: Executor;
  readonly plan: BoundPlan;
  readonly witnessed: readonly Witnessed[];
  readonly placement: () => Int16Array[];
}

export function setStage(
  scene: Scene,
  beforeMove?: (machine: SimulatedMachine, call: number) => void,
): Stage {
  const machine: SimulatedMachine = createSimulatedMachine({
    nodes: scene.nodes.map((node, id) => ({
      ...node,
      node: id,
      hasCpus: true,
      latencyNs: 100 + id,
      bandwidthMib: 0,
    })),
    seed: scene.seed,
    faults: scene.faults,
    beforeMove: (call) => beforeMove?.(machine, call),
  });
  const owners = scene.processes.map((process) => populate(machine, process));
  const limits = expectValue(parseLimits(scene.limits));
  const witnessed: Witnessed[] = [];
  return {
    machine,
    owners,
    limits,
    witnessed,
    executor: createExecutor({
      kernel: witness(machine, limits, witnessed),
      limits,
      journal: createMemoryJournal(),
      clock: { nowMs: () => 0 },
    }),
    plan: bindPlan(scene, owners),
    placement: () => owners.map((owner) => machine.nodesOf(owner, allPages)),
  };
}

export function expectValue<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

const allPages = Float64Array.from({ length: SPAN + 1_024 }, (_, page) => FIRST_PAGE + page);

function populate(machine: SimulatedMachine, process: Scene['processes'][number]): OwnerRef {
  const owner = machine.spawn({ cgroup: process.cgroup });
  for (const block of process.huge) machine.makeHuge(owner, FIRST_PAGE + block * 512);
  for (const range of process.ranges) {
    for (let page = FIRST_PAGE + range.at; page < FIRST_PAGE + range.at + range.pages; page++) {
      const fresh = machine.nodeOf(owner, page) < 0;
      if (machine.touch(owner, page) >= 0 && fresh && machine.freePages(range.node) > 0) {
        machine.place(owner, page, range.node);
      }
    }
  }
  for (const { at: offset, properties } of process.special) {
    machine.setFlags(owner, FIRST_PAGE + offset, properties);
  }
  machine.setCpuset(owner, process.cpuset);
  return owner;
}

function bindPlan(scene: Scene, owners: readonly OwnerRef[]): BoundPlan {
  const entries = scene.entries.map((entry) => ({ ...entry, owner: entry.owner % owners.length }));
  return {
    epoch: 7,
    scope: SCOPE,
    topologyGeneration: 1,
    headroom: scene.headroom,
    owners,
    owner: Uint16Array.from(entries, ({ owner }) => owner),
    space: new Uint8Array(entries.length),
    pageNumber: Float64Array.from(entries, ({ at: offset }) => FIRST_PAGE + offset),
    pages: Uint32Array.from(entries, ({ pages }) => pages),
    target: Uint8Array.from(entries, ({ target }) => target),
    priority: Uint16Array.from(entries, ({ priority }) => priority),
  };
}

/** The same kernel, with the machine looked at right before and after each move call. */
function witness(machine: SimulatedMachine, limits: Limits, witnessed: Witnessed[]): Kernel {
  const { kernel } = machine;
  const members = limits.scopes.get(SCOPE)!.members;
  const free = () => new Map([0, 1, 2].map((node) => [node, machine.freePages(node)]));
  const held = () => expectValue(kernel.usage(members));

  function watch(memory: OwnerMemory): OwnerMemory {
    return {
      ...memory,
      move(page, node, status) {
        const owner = memory.ref;
        const before = machine.nodesOf(owner, allPages);
        const [freeBefore, heldBefore] = [free(), held()];
        const result = memory.move(page, node, status);
        const survived = memory.alive();
        const diff = compare(before, survived ? machine.nodesOf(owner, allPages) : before);
        witnessed.push({
          owner,
          ...diff,
          freeBefore,
          heldBefore,
          freeAfter: free(),
          heldAfter: held(),
          survived,
        });
        return result;
      },
    };
  }

  return {
    ...kernel,
    open(ref) {
      const memory = kernel.open(ref);
      return memory.ok ? { ok: true, value: watch(memory.value) } : memory;
    },
  };
}

/** Pages present both times, on different nodes. */
export function compare(before: Int16Array, after: Int16Array): { flows: Flow[]; moved: number[] } {
  const moved: number[] = [];
  const pagesOf = new Map<string, Flow>();
  for (const [index, from] of before.entries()) {
    const to = after[index];
    if (from < 0 || to < 0 || from === to) continue;
    moved.push(allPages[index]);
    const key = `${from} ${to}`;
    pagesOf.set(key, { from, to, pages: (pagesOf.get(key)?.pages ?? 0) + 1 });
  }
  return { flows: [...pagesOf.values()], moved };
}

/** Flows of one pair added up, in a fixed order. */
export function addFlows(flows: readonly Flow[]): Flow[] {
  const pagesOf = new Map<number, number>();
  for (const { from, to, pages } of flows) {
    pagesOf.set(from * 256 + to, (pagesOf.get(from * 256 + to) ?? 0) + pages);
  }
  return [...pagesOf]
    .toSorted(([a], [b]) => a - b)
    .map(([key, pages]) => ({ from: Math.floor(key / 256), to: key % 256, pages }));
}
