import { ERRNO } from '../errno.ts';
import {
  type CallResult,
  type Kernel,
  type OwnerMemory,
  type PageFacts,
  type ScopeMembers,
} from '../kernel.ts';
import type { OwnerRef } from '../plan.ts';
import { type Result, failure, success } from '../result.ts';
import type { Topology } from '../topology.ts';
import {
  type MachineState,
  type Process,
  type SimulatedNode,
  execProcess,
  exitProcess,
  findProcess,
  folioPages,
  folioStart,
  frameOfPage,
  freePages,
  nodeOfPage,
} from './memory.ts';
import { findFrameMappers, readFrameFacts } from './find-frames.ts';
import { moveFrames } from './move-frames.ts';
import { type Answer, type MovePagesOptions, movePages } from './move-pages.ts';
import { ABSENT } from './page-table.ts';
import { createRandom } from './random.ts';

/** Chances between 0 and 1. */
export interface SimulatedFaults {
  /** That isolating a folio fails with EBUSY. */
  readonly busyPerFolio?: number;
  /** That the process exits in the middle of a call. */
  readonly exitPerCall?: number;
  /** That it replaces its memory in the middle of a call. */
  readonly execPerCall?: number;
  /** That others take part of the target's free pages in the middle of a call. */
  readonly fillPerCall?: number;
}

export interface SimulatedMachineOptions {
  readonly nodes: readonly SimulatedNode[];
  /** Time that moving one base page takes. Default 1,500. */
  readonly moveCostNs?: number;
  /** Time that entering one call takes (draining LRU caches). Default 0. */
  readonly callCostNs?: number;
  /** Default 1. */
  readonly seed?: number;
  readonly faults?: SimulatedFaults;
  /** Called before each move call with its number from 0, for scenes that change the machine there. */
  readonly beforeMove?: (call: number) => void;
}

/** The `Kernel` port over a simulated machine. */
export function createSimulatedKernel(state: MachineState, options: SimulatedMachineOptions): Kernel {
  const processOf = (ref: OwnerRef) => findProcess(state, ref);
  const random = createRandom(options.seed ?? 1);
  const faults = options.faults ?? {};
  const inodes = new Map<string, number>();
  let calls = 0;
  const happens = (chance = 0) => chance > 0 && random() < chance;

  function inodeOf(cgroup: string): number {
    const inode = inodes.get(cgroup) ?? inodes.size + 1;
    inodes.set(cgroup, inode);
    return inode;
  }

  /** Decides what goes wrong in a call, and at which index. */
  function planFault(process: Process | undefined, length: number, target: number): (index: number) => void {
    const at = Math.floor(random() * length);
    const exits = happens(faults.exitPerCall);
    const execs = !exits && happens(faults.execPerCall);
    const fills = happens(faults.fillPerCall);
    return (index) => {
      if (index !== at) return;
      const node = state.nodes.get(target);
      if (fills && node) node.filled += Math.ceil(random() * freePages(node));
      if (exits && process) exitProcess(state, process);
      if (execs && process) execProcess(state, process);
    };
  }

  function planCall(process: Process | undefined, node: Int32Array, moveAll: boolean): MovePagesOptions {
    return {
      moveAll,
      isBusy: () => happens(faults.busyPerFolio),
      countsWhenFull: () => random() < 0.5,
      onIndex: planFault(process, node.length, node[0] ?? 0),
    };
  }

  function describeCall({ returned, movedPages }: Answer): CallResult {
    const ns = (options.callCostNs ?? 0) + movedPages * (options.moveCostNs ?? 1_500);
    return returned < 0 ? { returned: -1, errno: -returned, ns } : { returned, errno: 0, ns };
  }

  function move(
    ref: OwnerRef,
    page: Float64Array,
    node: Int32Array,
    status: Int32Array,
    together: boolean,
  ): CallResult {
    options.beforeMove?.(calls++);
    const process = state.processes.get(ref.pid);
    if (!process) return { returned: -1, errno: ERRNO.ESRCH, ns: options.callCostNs ?? 0 };
    return describeCall(movePages(state, process, page, node, status, planCall(process, node, together)));
  }

  function query(ref: OwnerRef, page: Float64Array, status: Int32Array): CallResult {
    const process = state.processes.get(ref.pid);
    if (!process) return { returned: -1, errno: ERRNO.ESRCH, ns: 0 };
    for (let i = 0; i < page.length; i++) {
      const node = nodeOfPage(process, page[i]);
      status[i] = node < 0 ? -ERRNO.ENOENT : node;
    }
    return { returned: 0, errno: 0, ns: 0 };
  }

  function openMemory(ref: OwnerRef): OwnerMemory {
    return {
      ref,
      alive: () => processOf(ref) !== undefined,
      allowedNodes: () => processOf(ref)?.allowed ?? new Set(state.nodes.keys()),
      facts(page) {
        const process = processOf(ref);
        return process ? success(readFacts(process, page)) : failure('owner-gone', 'the process has gone');
      },
      // By pid, as the syscall does it: after an exec these act on the new memory.
      query: (page, status) => query(ref, page, status),
      move: (page, node, status, together = false) => move(ref, page, node, status, together),
      frames(page, frame) {
        const process = processOf(ref);
        if (process) for (let i = 0; i < page.length; i++) frame[i] = frameOfPage(process, page[i]);
        return process !== undefined;
      },
      close() {},
    };
  }

  return {
    topology: () => success(describeTopology(state)),
    open(ref): Result<OwnerMemory> {
      return processOf(ref)
        ? success(openMemory(ref))
        : failure('owner-gone', `no process ${ref.pid} of that name`);
    },
    isMember(ref, members) {
      const process = processOf(ref);
      return process !== undefined && belongs(process, members);
    },
    usage(members) {
      const usage = new Map([...state.nodes.keys()].map((node) => [node, 0]));
      for (const process of state.processes.values()) {
        if (!belongs(process, members)) continue;
        for (const [node, pages] of usage) usage.set(node, pages + process.held[node]);
      }
      return success(usage);
    },
    refOf(pid) {
      const process = state.processes.get(pid);
      return process ? success(process.ref) : failure('owner-gone', `no process ${pid}`);
    },
    frames: (frame) => success(readFrameFacts(state, frame, inodeOf)),
    mappers: (head) => success(findFrameMappers(state, head)),
    cgroups(path) {
      for (const { cgroup } of state.processes.values()) inodeOf(cgroup);
      return success(new Set([...inodes].filter(([each]) => isWithin(each, path)).map(([, inode]) => inode)));
    },
    moveFrames(head, node, status, together) {
      options.beforeMove?.(calls++);
      const faulty = faults.exitPerCall !== undefined || faults.execPerCall !== undefined;
      const victim = faulty ? state.processes.get(findFrameMappers(state, head).pid[0]) : undefined;
      const call = planCall(victim, node, together);
      return describeCall(moveFrames(state, head, node, status, call));
    },
    close() {},
  };
}

function belongs({ cgroup, uid }: Process, members: ScopeMembers): boolean {
  return members.kind === 'uid' ? uid === members.uid : isWithin(cgroup, members.path);
}

function isWithin(cgroup: string, path: string): boolean {
  return path === '/' || cgroup === path || cgroup.startsWith(`${path}/`);
}

function describeTopology({ generation, nodes }: MachineState): Topology {
  return {
    generation,
    nodes: [...nodes.values()]
      .toSorted((a, b) => a.node - b.node)
      .map((node) => ({
        node: node.node,
        tier: node.tier,
        hasCpus: node.hasCpus,
        capacity: node.capacityPages,
        free: freePages(node),
        watermark: node.watermarkPages,
        latencyNs: node.latencyNs,
        bandwidthMib: node.bandwidthMib,
      })),
  };
}

const FACT_BITS = 127;

function readFacts({ table }: Process, page: Float64Array): PageFacts {
  const facts = {
    flags: new Uint8Array(page.length),
    node: new Int16Array(page.length).fill(-1),
    folioStart: page.slice(),
    folioPages: new Uint32Array(page.length).fill(1),
    frame: new Float64Array(page.length).fill(-1),
  };
  for (let i = 0; i < page.length; i++) {
    const slot = table.find(page[i]);
    if (slot < 0 || table.nodeAt(slot) === ABSENT) continue;
    const flags = table.flagsAt(slot);
    facts.flags[i] = flags & FACT_BITS;
    facts.node[i] = table.nodeAt(slot);
    facts.folioStart[i] = folioStart(page[i], flags);
    facts.folioPages[i] = folioPages(flags);
    facts.frame[i] = table.frameAt(slot);
  }
  return facts;
}
