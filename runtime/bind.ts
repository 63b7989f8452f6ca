import { SPACE, type BoundPlan, type Budgets } from '../executor/plan.ts';
import { failure, success, type Result } from '../executor/result.ts';
import type { Plan } from './contract.ts';
import type { RegionTable } from './region-table.ts';

/** Why a plan as a whole is not bound. */
export type BindFault =
  | 'plan-region-out-of-range'
  | 'plan-region-dead'
  | 'plan-region-twice'
  | 'plan-place-out-of-range'
  | 'plan-headroom-out-of-range';

export interface BindInputs {
  readonly plan: Plan;
  readonly table: RegionTable;
  readonly budgets: Budgets;
  readonly scope: string;
  readonly epoch: number;
  /** `SPACE` of the table's page numbers. */
  readonly space: number;
  /** Share of the entries that may be invalid; they are left out. Above it the plan is refused. */
  readonly invalidShareMax: number;
}

export interface Binding {
  /** The valid entries: row by row what `bound` says. */
  readonly plan: Plan;
  readonly bound: BoundPlan;
  /** Entries left out. */
  readonly invalid: number;
}

/**
 * Turns a policy's indices into addresses: the only place where the two meet. Pure; the policy's answer
 * is checked whole before anything is bound.
 */
export function bindPlan(inputs: BindInputs): Result<Binding, BindFault> {
  const { plan, table, budgets, invalidShareMax } = inputs;
  const pages = table.pages.subarray(0, table.regions);
  const valid = checkEntries({ plan, pages, places: budgets.nodes.length, invalidShareMax });
  if (!valid.ok) return valid;
  const invalid = plan.regions.length - valid.value.length;
  const kept = keepEntries(plan, valid.value);
  return success({ plan: kept, bound: bind({ ...inputs, plan: kept }), invalid });
}

/** What an entry can be checked against. */
export interface EntryBounds {
  readonly plan: Plan;
  /** By region index; 0 = a hole. */
  readonly pages: Uint32Array;
  readonly places: number;
  readonly invalidShareMax: number;
}

/**
 * Positions of the entries that name a region and a place, and the region for the first time; a fault where more
 * are invalid than may be.
 */
export function checkEntries(bounds: EntryBounds): Result<Uint32Array, BindFault> {
  const { plan, places, invalidShareMax } = bounds;
  if (plan.headroom.length > places) {
    return failure(
      'plan-headroom-out-of-range',
      `headroom for ${plan.headroom.length} places of ${places}: leave it empty or give one number per place`,
    );
  }
  const valid = findValid(bounds);
  const invalid = plan.regions.length - valid.length;
  return invalid > invalidShareMax * plan.regions.length ? explainFirst(bounds, valid) : success(valid);
}

function findValid({ plan: { regions, targets }, pages, places }: EntryBounds): Uint32Array {
  const seen = new Uint8Array(pages.length);
  const valid = new Uint32Array(regions.length);
  let count = 0;
  for (let i = 0; i < regions.length; i++) {
    const region = regions[i];
    if (region >= pages.length || pages[region] === 0 || targets[i] >= places) continue;
    if (seen[region]) continue;
    seen[region] = 1;
    valid[count++] = i;
  }
  return valid.subarray(0, count);
}

function explainFirst({ plan, pages, places }: EntryBounds, valid: Uint32Array) {
  const entry = plan.regions.findIndex((_, i) => valid[i] !== i);
  const region = plan.regions[entry];
  if (region >= pages.length) {
    return failure(
      'plan-region-out-of-range',
      `entry ${entry} names region ${region} of ${pages.length}: use indices of this epoch's snapshot`,
    );
  }
  if (pages[region] === 0) {
    return failure(
      'plan-region-dead',
      `entry ${entry} names region ${region}, which is a hole: skip regions with 0 pages`,
    );
  }
  if (plan.targets[entry] >= places) {
    return failure(
      'plan-place-out-of-range',
      `entry ${entry} names place ${plan.targets[entry]} of ${places}: use indices of this epoch's places`,
    );
  }
  return failure('plan-region-twice', `entry ${entry} names region ${region} again: one wish per region`);
}

/** A plan of these entries alone; the same one where that is all. */
export function keepEntries(plan: Plan, valid: Uint32Array): Plan {
  if (valid.length === plan.regions.length) return plan;
  return {
    ...plan,
    regions: Uint32Array.from(valid, (i) => plan.regions[i]),
    targets: Uint8Array.from(valid, (i) => plan.targets[i]),
    priorities:
      plan.priorities.length > 0 ? Uint16Array.from(valid, (i) => plan.priorities[i]) : plan.priorities,
    reasons: plan.reasons.length > 0 ? Uint8Array.from(valid, (i) => plan.reasons[i]) : plan.reasons,
  };
}

function bind({ plan, table, budgets, scope, epoch, space }: BindInputs): BoundPlan {
  const count = plan.regions.length;
  const owners: BoundPlan['owners'][number][] = [];
  /** Position in `owners` + 1 by the table's ordinal; only owners of planned regions cross. */
  const ownerAt = new Uint32Array(table.owners);
  const bound = {
    owner: new Uint16Array(count),
    space: new Uint8Array(count).fill(space),
    pageNumber: new Float64Array(count),
    pages: new Uint32Array(count),
    target: new Uint8Array(count),
    priority: new Uint16Array(count),
  };
  for (let i = 0; i < count; i++) {
    const region = plan.regions[i];
    if (space === SPACE.virtual) bound.owner[i] = ownerPosition(table, table.owner[region], ownerAt, owners);
    bound.pageNumber[i] = table.pageNumber[region];
    bound.pages[i] = table.pages[region];
    bound.target[i] = budgets.nodes[plan.targets[i]].node;
  }
  bound.priority.set(plan.priorities);
  const headroom = Array.from(plan.headroom, (pages, place) => ({ node: budgets.nodes[place].node, pages }));
  return { epoch, scope, topologyGeneration: budgets.topologyGeneration, headroom, owners, ...bound };
}

function ownerPosition(
  table: RegionTable,
  ordinal: number,
  ownerAt: Uint32Array,
  owners: BoundPlan['owners'][number][],
): number {
  if (ownerAt[ordinal] === 0) ownerAt[ordinal] = owners.push(table.ownerRef(ordinal)!);
  return ownerAt[ordinal] - 1;
}
