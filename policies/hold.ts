/**
 * Moves nothing: the smallest policy there is, and what every other is measured against.
 *
 * A policy is one module that exports `evaluate`. It is called once per epoch with what was observed,
 * and answers by calling `plan.move(region, place)` for each region it would like to see elsewhere.
 * This one could look at `snapshot.accesses[region]` and the rest, but wishes for nothing.
 *
 *     terrace build policies/hold.ts
 */
import { Plan, Snapshot } from './sdk';

export const version = '1.0.0';
export const description = 'Leaves every region where it is';

export function evaluate(_snapshot: Snapshot, _plan: Plan): void {}
