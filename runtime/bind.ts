import { SPACE, type BoundPlan, type Budgets } from '../executor/plan.ts';
import { failure, success, type Result } from '../executor/result.ts';
import type { Plan } from './contract.ts';
import type { RegionTable } from './region-table.ts';

/** Why a plan as a whole is not bound. A policy that answers nonsense once is not trusted half-way. */
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
}

/**
 * Turns a policy's indices into addresses: the only place where the two meet. Pure; the policy's answer
 * is checked whole before anything is bound.
 */
export function bindPlan(inputs: BindInputs): Result<BoundPlan, BindFault> {
  return findFault(inputs) ?? success(bind(inputs));
}

function findFault({ plan, table, budgets }: BindInputs) {
  if (plan.headroom.length > budgets.nodes.length) {
    return failure(
      'plan-headroom-out-of-range',
      `headroom for ${plan.headroom.length} places of ${budgets.nodes.length}: leave it empty or give one number per place`,
    );
  }
  const seen = new Uint8Array(table.regions);
  for (let i = 0; i < plan.regions.length; i++) {
    const region = plan.regions[i];
    if (region >= table.regions) {
      return failure(
        'plan-region-out-of-range',
        `entry ${i} names region ${region} of ${table.regions}: use indices of this epoch's snapshot`,
      );
    }
    if (table.pages[region] === 0) {
      return failure(
        'plan-region-dead',
        `entry ${i} names region ${region}, which is a hole: skip regions with 0 pages`,
      );
    }
    if (seen[region])
      return failure('plan-region-twice', `entry ${i} names region ${region} again: one wish per region`);
    seen[region] = 1;
    if (plan.targets[i] >= budgets.nodes.length) {
      return failure(
        'plan-place-out-of-range',
        `entry ${i} names place ${plan.targets[i]} of ${budgets.nodes.length}: use indices of this epoch's places`,
      );
    }
  }
  return undefined;
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
