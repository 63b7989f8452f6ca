import type { EpochCost } from './ledger.ts';

export interface BreakerLimits {
  /** Share of hold's modelled slowdown by which a policy's may exceed it. */
  readonly harmShareMax: number;
  /** Epochs over which both are added up. */
  readonly harmEpochs: number;
}

/** Modelled time over the time with all memory fast and nothing moved, in the breaker's epochs so far. */
export interface Slowdowns {
  readonly policy: number;
  readonly hold: number;
}

export interface Breaker {
  add(cost: EpochCost): Slowdowns;
  /** Whether the policy did harm in its last `harmEpochs` epochs, taken together. */
  isTripped(): boolean;
  /** Another policy is on duty. */
  restart(): void;
}

/**
 * Adds up rather than counts epochs in a row: a burst of moves that pays later does not trip it, and a policy
 * that behaves every now and then does not slip through.
 */
export function createBreaker({ harmShareMax, harmEpochs }: BreakerLimits): Breaker {
  let costs: EpochCost[] = [];
  let slowdowns: Slowdowns = { policy: 1, hold: 1 };
  return {
    add(cost) {
      costs = [...costs.slice(costs.length < harmEpochs ? 0 : 1), cost];
      slowdowns = slowdownsOf(costs);
      return slowdowns;
    },
    isTripped: () => costs.length >= harmEpochs && slowdowns.policy > slowdowns.hold * (1 + harmShareMax),
    restart() {
      costs = [];
      slowdowns = { policy: 1, hold: 1 };
    },
  };
}

/**
 * Moving slows a program by its share of the program's time or, where that is shorter because the program
 * mostly sleeps, of the epochs' length.
 */
export function slowdownsOf(costs: readonly EpochCost[]): Slowdowns {
  const total = (key: keyof EpochCost): number => costs.reduce((sum, cost) => sum + cost[key], 0);
  const allFastNs = total('allFastNs');
  if (allFastNs === 0) return { policy: 1, hold: 1 };
  const movableNs = Math.max(allFastNs, total('lengthNs'));
  return {
    policy: total('actualNs') / allFastNs + total('moveNs') / movableNs,
    hold: total('heldNs') / allFastNs + total('heldMoveNs') / movableNs,
  };
}
