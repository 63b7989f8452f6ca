import { BOUNDS, type Limits, type Scope } from './limits.ts';
import { oneLine } from './one-line.ts';
import { sortByKey } from './order.ts';
import { type BoundPlan, type OwnerRef, type PlanFault, SPACE, TARGET_SWAP } from './plan.ts';
import { type Failure, type Result, failure, success } from './result.ts';
import type { Topology } from './topology.ts';
import { VERDICT } from './verdict.ts';

/** A plan of sound shape, within the bounds, for a scope and a topology that exist. */
export interface AdmittedPlan {
  readonly plan: BoundPlan;
  readonly scope: Scope;
  /** Per entry: why it goes no further, or `VERDICT.none`. */
  readonly verdicts: Uint8Array;
  /** The entries that go on: higher priority first, ties by position. */
  readonly order: Uint32Array;
  /** Base pages those entries name together. */
  readonly pages: number;
}

const COLUMNS = {
  owner: Uint16Array,
  space: Uint8Array,
  pageNumber: Float64Array,
  pages: Uint32Array,
  target: Uint8Array,
  priority: Uint16Array,
} as const;

/**
 * Checks what can be checked without asking the kernel about any page. Pure. A fault refuses the plan
 * whole; an entry that cannot be carried out whatever the kernel says gets its verdict here.
 */
export function admit(plan: BoundPlan, limits: Limits, topology: Topology): Result<AdmittedPlan, PlanFault> {
  const fault = findShapeFault(plan) ?? findTooMany(plan) ?? findOwnerFault(plan.owners);
  if (fault) return fault;
  const scope = limits.scopes.get(plan.scope);
  if (!scope) return unknownScope(plan.scope);
  if (plan.topologyGeneration !== topology.generation) {
    return failure('stale-topology', 'nodes changed since the plan was made; ask for budgets and plan again');
  }
  return findHeadroomFault(plan, topology) ?? admitEntries(plan, scope, limits, topology);
}

export function unknownScope(name: string): Failure<PlanFault> {
  return failure('scope-unknown', `the limits file has no scope "${oneLine(name.slice(0, 80))}"; add it`);
}

function admitEntries(
  plan: BoundPlan,
  scope: Scope,
  limits: Limits,
  topology: Topology,
): Result<AdmittedPlan, PlanFault> {
  const { owner, space, pageNumber, pages, target } = plan;
  const targetVerdicts = judgeTargets(scope, limits, topology, isPhysical(plan));
  const verdicts = new Uint8Array(target.length);
  let pagesTotal = 0;
  let open = 0;
  for (let i = 0; i < verdicts.length; i++) {
    const first = pageNumber[i];
    const count = pages[i];
    const sound =
      first >= 0 &&
      Math.floor(first) === first &&
      count > 0 &&
      first + count <= BOUNDS.pageNumberMax &&
      space[i] === space[0] &&
      (space[i] === SPACE.virtual ? owner[i] < plan.owners.length : space[i] === SPACE.physical);
    if (!sound) return malformedEntry(plan, i);
    if (count > BOUNDS.pagesPerEntryMax) {
      return tooLarge(`entry ${i} names ${count} pages, at most ${BOUNDS.pagesPerEntryMax} are allowed`);
    }
    const verdict = targetVerdicts[target[i]];
    verdicts[i] = verdict;
    if (verdict === VERDICT.none) {
      pagesTotal += count;
      open++;
    }
  }
  if (pagesTotal > BOUNDS.pagesPerPlanMax) {
    return tooLarge(`the plan names ${pagesTotal} pages, at most ${BOUNDS.pagesPerPlanMax} are allowed`);
  }
  return success({ plan, scope, verdicts, order: orderOpen(plan, verdicts, open), pages: pagesTotal });
}

/** Whether a plan names frames. Nothing at all is no frame. */
export function isPhysical({ space }: BoundPlan): boolean {
  return space[0] === SPACE.physical;
}

/** The verdict of every possible target byte. */
function judgeTargets(scope: Scope, limits: Limits, topology: Topology, physical: boolean): Uint8Array {
  const verdicts = new Uint8Array(256).fill(VERDICT['target-unknown']);
  for (const { node } of topology.nodes) {
    verdicts[node] = scope.nodes.has(node) ? VERDICT.none : VERDICT['target-forbidden'];
  }
  verdicts[TARGET_SWAP] = VERDICT.unsupported;
  const able = limits.backends.has('move_pages') || (physical && limits.backends.has('move_phys_pages'));
  if (!able) verdicts.fill(VERDICT.unsupported);
  return verdicts;
}

function orderOpen(plan: BoundPlan, verdicts: Uint8Array, open: number): Uint32Array {
  const order = new Uint32Array(open);
  const key = new Uint32Array(verdicts.length);
  let next = 0;
  for (let i = 0; i < verdicts.length; i++) {
    if (verdicts[i] !== VERDICT.none) continue;
    key[i] = 65_535 - plan.priority[i];
    order[next++] = i;
  }
  return sortByKey(order, key);
}

function findShapeFault(plan: BoundPlan): Failure<PlanFault> | undefined {
  if (typeof plan !== 'object' || plan === null) return malformed('the plan is no object');
  if (!isCount(plan.epoch)) return malformed(`epoch is ${plan.epoch}, not a whole number`);
  if (!isCount(plan.topologyGeneration)) return malformed('topologyGeneration is not a whole number');
  if (typeof plan.scope !== 'string') return malformed('scope is no text');
  if (!Array.isArray(plan.owners)) return malformed('owners is no list');
  if (!Array.isArray(plan.headroom)) return malformed('headroom is no list');
  for (const [name, kind] of Object.entries(COLUMNS)) {
    const column: unknown = plan[name as keyof typeof COLUMNS];
    if (!(column instanceof kind)) return malformed(`column ${name} is no ${kind.name}`);
    // The first column is whole by now, whichever of them is missing.
    if (column.length !== plan.owner.length) {
      return malformed(`column ${name} has ${column.length} rows, column owner ${plan.owner.length}`);
    }
  }
  return undefined;
}

function findTooMany(plan: BoundPlan): Failure<PlanFault> | undefined {
  if (plan.target.length > BOUNDS.planEntriesMax) {
    return tooLarge(`${plan.target.length} entries, at most ${BOUNDS.planEntriesMax} are allowed`);
  }
  if (plan.owners.length > BOUNDS.ownersMax) {
    return failure(
      'plan-too-many-owners',
      `${plan.owners.length} owners, at most ${BOUNDS.ownersMax} are allowed; plan for fewer at a time`,
    );
  }
  return undefined;
}

/** One process named twice would let two entries claim the same page under different names. */
function findOwnerFault(owners: readonly OwnerRef[]): Failure<PlanFault> | undefined {
  const pids = new Set<number>();
  for (const [index, owner] of owners.entries()) {
    const sound =
      typeof owner === 'object' &&
      owner !== null &&
      isCount(owner.pid) &&
      owner.pid >= 1 &&
      owner.pid <= BOUNDS.pidMax &&
      isCount(owner.startTimeTicks) &&
      typeof owner.stackStart === 'string' &&
      /^[0-9]{1,20}$/.test(owner.stackStart);
    if (!sound) return malformed(`owner ${index} has no valid pid, startTimeTicks and stackStart`);
    if (pids.has(owner.pid)) return malformed(`owner ${index} names pid ${owner.pid} a second time`);
    pids.add(owner.pid);
  }
  return undefined;
}

function findHeadroomFault(plan: BoundPlan, topology: Topology): Failure<PlanFault> | undefined {
  if (plan.headroom.length > BOUNDS.headroomEntriesMax) return malformed('headroom has too many entries');
  const nodes = new Set(topology.nodes.map(({ node }) => node));
  for (const [index, wish] of plan.headroom.entries()) {
    const sound = typeof wish === 'object' && wish !== null && nodes.delete(wish.node) && isCount(wish.pages);
    if (!sound) return malformed(`headroom ${index} needs a node of its own that exists, and whole pages`);
  }
  return undefined;
}

function malformedEntry(plan: BoundPlan, index: number): Failure<PlanFault> {
  const { owner, space, pageNumber, pages } = plan;
  return malformed(
    `entry ${index} (owner ${owner[index]} of ${plan.owners.length}, space ${space[index]}, ` +
      `page ${pageNumber[index]}, pages ${pages[index]}) is out of range`,
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(what: string): Failure<PlanFault> {
  return failure('plan-malformed', `${what}; this is a defect of the runtime that made the plan`);
}

function tooLarge(what: string): Failure<PlanFault> {
  return failure('plan-too-large', `${what}; plan less at a time`);
}
