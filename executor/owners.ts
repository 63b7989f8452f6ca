import type { Kernel, OwnerMemory } from './kernel.ts';
import type { Limits, Scope } from './limits.ts';
import type { OwnerRef } from './plan.ts';
import { VERDICT } from './verdict.ts';

/** One process of a plan, opened, and what it is allowed right now. */
export interface PlanOwner {
  readonly memory: OwnerMemory;
  /** Why nothing of it may be touched, or `VERDICT.none`. */
  verdict: number;
  /** 1 at each node id that its cpuset allows. */
  readonly allowed: Uint8Array;
}

/** The owners of a plan by their index in it; undefined = could not be opened. */
export type PlanOwners = readonly (PlanOwner | undefined)[];

export function openOwners(refs: readonly OwnerRef[], used: Uint8Array, kernel: Kernel): PlanOwners {
  return refs.map((ref, index) => (used[index] === 0 ? undefined : openOwner(ref, kernel)));
}

export function openOwner(ref: OwnerRef, kernel: Kernel): PlanOwner | undefined {
  const memory = kernel.open(ref);
  if (!memory.ok) return undefined;
  return { memory: memory.value, verdict: VERDICT.none, allowed: new Uint8Array(256) };
}

export function closeOwners(owners: PlanOwners): void {
  for (const owner of owners) owner?.memory.close();
}

/**
 * Asks again whom each owner belongs to and where it may be. Whether it still lives comes last: only then
 * were the answers before it about the opened memory and not about a successor with the same pid.
 */
export function refreshOwners(owners: PlanOwners, kernel: Kernel, scope: Scope, limits: Limits): void {
  for (const owner of owners) {
    if (!owner) continue;
    const { memory } = owner;
    owner.verdict = judgeOwner(memory.ref, kernel, scope, limits);
    owner.allowed.fill(0);
    for (const node of memory.allowedNodes()) owner.allowed[node] = 1;
    if (!memory.alive()) owner.verdict = VERDICT['owner-gone'];
  }
}

function judgeOwner(ref: OwnerRef, kernel: Kernel, scope: Scope, limits: Limits): number {
  if (limits.protectedPids.has(ref.pid)) return VERDICT.protected;
  if (limits.protectedMembers.some((members) => kernel.isMember(ref, members))) return VERDICT.protected;
  return kernel.isMember(ref, scope.members) ? VERDICT.none : VERDICT['out-of-scope'];
}
