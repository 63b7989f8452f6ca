import { admit } from '../../executor/admit.ts';
import { type SimulatedMachine, createSimulatedMachine } from '../../executor/kernel-simulated.ts';
import type { Limits } from '../../executor/limits.ts';
import { openOwners, refreshOwners } from '../../executor/owners.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { BoundPlan, OwnerRef } from '../../executor/plan.ts';
import { type Rows, expandRows, foldFolios, listOwners, readAllFacts } from '../../executor/resolve.ts';
import type { Result } from '../../executor/result.ts';
import { judgePairs, measureRoom, validate } from '../../executor/validate.ts';

const RUNS = 15;

/** Medians over `RUNS`, ns per page of a plan of single pages. */
export interface ValidateFigures {
  readonly pages: number;
  readonly admitNs: number;
  /** Expanding, sorting and folding; the kernel reads between them are not ours. */
  readonly arrangeNs: number;
  readonly validateNs: number;
}

/** Half of the pages go each way between two nodes; priorities random, so that sorting has work. */
export function benchValidate(pages: number): ValidateFigures {
  const machine = createMachine(pages);
  const limits = expectValue(parseLimits(createLimits(pages)));
  const plan = createPlan(machine, pages);
  const times = Array.from({ length: RUNS }, () => timeOnce(plan, limits, machine));
  const median = (of: (time: Times) => number) =>
    Math.round((times.map(of).toSorted((a, b) => a - b)[RUNS >> 1] / pages) * 1e7) / 10;
  return {
    pages,
    admitNs: median(({ admitMs }) => admitMs),
    arrangeNs: median(({ arrangeMs }) => arrangeMs),
    validateNs: median(({ validateMs }) => validateMs),
  };
}

interface Times {
  readonly admitMs: number;
  readonly arrangeMs: number;
  readonly validateMs: number;
}

function timeOnce(plan: BoundPlan, limits: Limits, { kernel }: SimulatedMachine): Times {
  const topology = expectValue(kernel.topology());
  const scope = limits.scopes.get(plan.scope)!;
  let [admitMs, arrangeMs, validateMs] = [0, 0, 0];

  let start = performance.now();
  const admitted = expectValue(admit(plan, limits, topology));
  admitMs = performance.now() - start;

  start = performance.now();
  const rows = expandRows(admitted);
  arrangeMs = performance.now() - start;

  const owners = openOwners(plan.owners, listOwners(rows, plan.owners.length), kernel);
  refreshOwners(owners, kernel, scope, limits);
  readAllFacts(rows, owners);

  start = performance.now();
  foldFolios(rows);
  arrangeMs += performance.now() - start;

  const chosen = Uint32Array.from({ length: rows.count }, (_, row) => row);
  start = performance.now();
  const ground = {
    room: measureRoom(scope, limits, topology, new Map(), []),
    usage: new Map<number, number>(),
    quotaPages: scope.pagesPerEpochMax,
    pairs: judgePairs(scope, topology),
  };
  const { permitted } = validate(rows, chosen, owners, ground, limits);
  validateMs = performance.now() - start;
  expectAll(rows, permitted);
  return { admitMs, arrangeMs, validateMs };
}

function createMachine(pages: number): SimulatedMachine {
  return createSimulatedMachine({
    nodes: [0, 1].map((node) => ({
      node,
      tier: node,
      hasCpus: node === 0,
      capacityPages: pages * 2,
      latencyNs: 100,
      bandwidthMib: 0,
    })),
  });
}

function createLimits(pages: number): unknown {
  const members = { kind: 'cgroup', path: '/' };
  return { scopes: { bench: { members, nodes: { 0: {}, 1: {} }, pagesPerEpochMax: pages } } };
}

function createPlan(machine: SimulatedMachine, pages: number): BoundPlan {
  const owners: OwnerRef[] = Array.from({ length: 8 }, () => machine.spawn());
  const owner = Uint16Array.from({ length: pages }, (_, i) => i % owners.length);
  const pageNumber = Float64Array.from({ length: pages }, (_, i) => 0x7f0000000 + ((i * 7_919) % pages));
  for (let i = 0; i < pages; i++) machine.touch(owners[owner[i]], pageNumber[i]);
  return {
    epoch: 1,
    scope: 'bench',
    topologyGeneration: 1,
    headroom: [],
    owners,
    owner,
    space: new Uint8Array(pages),
    pageNumber,
    pages: new Uint32Array(pages).fill(1),
    target: new Uint8Array(pages).fill(1),
    priority: Uint16Array.from({ length: pages }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 16),
  };
}

function expectAll(rows: Rows, permitted: Uint32Array): void {
  if (permitted.length !== rows.count) throw new Error(`${permitted.length} of ${rows.count} permitted`);
}

function expectValue<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

if (import.meta.main) for (const pages of [100_000, 1_000_000]) console.log(benchValidate(pages));
