import type { BoundPlan, OwnerRef } from '../../../executor/plan.ts';
import { SPACE } from '../../../executor/plan.ts';

/** One entry of a plan, by hand. */
export interface Wish {
  readonly owner: OwnerRef;
  /** Virtual page number. */
  readonly page: number;
  readonly pages: number;
  readonly target: number;
}

export function bindWishes(
  wishes: readonly Wish[],
  head: Pick<BoundPlan, 'epoch' | 'scope' | 'topologyGeneration'>,
): BoundPlan {
  const owners = [...new Set(wishes.map(({ owner }) => owner))];
  return {
    ...head,
    headroom: [],
    owners,
    owner: Uint16Array.from(wishes, ({ owner }) => owners.indexOf(owner)),
    space: new Uint8Array(wishes.length).fill(SPACE.virtual),
    pageNumber: Float64Array.from(wishes, ({ page }) => page),
    pages: Uint32Array.from(wishes, ({ pages }) => pages),
    target: Uint8Array.from(wishes, ({ target }) => target),
    priority: new Uint16Array(wishes.length),
  };
}
