import type { OwnerRef } from '../../../executor/plan.ts';
import { readOwner } from './owner.ts';
import { expandRuns } from './truth.ts';
import { startWorkload } from './workload.ts';
import type { Workload } from './workload.ts';
import type { Wish } from './wish.ts';

export type MemoryKind = 'plain' | 'thp' | 'mlocked' | 'hugetlb' | 'bound' | 'untouched' | 'zero';

/** A range of a `kinds` process, and the kernel's own word about it. */
export interface Memory {
  readonly process: KindsProcess;
  readonly page: number;
  readonly pages: number;
  /** Node or negative errno per page, asked by the process about itself. */
  nodes(): Promise<number[]>;
  /** move_pages(2) as it is: what it answered, and the status per page (-1000 = never written). */
  rawMove(target: number): Promise<{ returned: number; errno: number; status: number[] }>;
  /** Writes a pattern: of its own, unless a seed is given that makes the contents of two memories alike. */
  stamp(seed?: number): Promise<void>;
  /** Pages that do not hold what `stamp` wrote. */
  badPages(seed?: number): Promise<number>;
  /** A wish per `unit` pages. */
  wishes(target: number, unit?: number): Wish[];
}

export interface KindsProcess {
  readonly workload: Workload;
  readonly owner: OwnerRef;
  map(kind: MemoryKind, pages: number, node: number): Promise<Memory>;
  /** A file, shared with whoever maps it too; pages that are not there yet are born on the node. */
  mapFile(path: string, pages: number, node: number): Promise<Memory>;
}

export async function startKinds(cgroup: string): Promise<KindsProcess> {
  const workload = await startWorkload('kinds', cgroup);
  const process: KindsProcess = {
    workload,
    owner: readOwner(workload.pid),
    map: async (kind, pages, node) => {
      const [address] = await workload.ask(`map ${kind} ${pages} ${node}`);
      return describe(process, address as string, pages);
    },
    mapFile: async (path, pages, node) => {
      const [address] = await workload.ask(`file ${path} ${pages} ${node}`);
      return describe(process, address as string, pages);
    },
  };
  return process;
}

function describe(process: KindsProcess, address: string, pages: number): Memory {
  const { workload, owner } = process;
  const page = Number(BigInt(address) / 4096n);
  const range = `${address} ${pages}`;
  return {
    process,
    page,
    pages,
    nodes: async () => expandRuns(await workload.ask(`nodes ${range}`)),
    rawMove: async (target) => {
      const [returned, errno, ...runs] = await workload.ask(`raw ${range} ${target}`);
      return { returned: Number(returned), errno: Number(errno), status: expandRuns(runs) };
    },
    stamp: async (seed = page * 4096) => void (await workload.ask(`stamp ${range} ${seed}`)),
    badPages: async (seed = page * 4096) => Number((await workload.ask(`verify ${range} ${seed}`))[0]),
    wishes: (target, unit = 1) =>
      Array.from({ length: pages / unit }, (_, i) => ({ owner, page: page + i * unit, pages: unit, target })),
  };
}
