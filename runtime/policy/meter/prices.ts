import { OPCODE } from '../parse/instructions.ts';
import type { Mark, Scan, Stretch } from './scan.ts';

/** What a call of each prepaid function costs beyond the instruction, by index: all that it may run. */
export type Prices = ReadonlyMap<number, number>;

/** More is not paid in advance, since most of it may not run. */
const PREPAID_MAX = 128;
/** How often functions are looked at: how deep calls of prepaid functions nest at least. */
const ROUNDS = 4;

/**
 * Finds the small functions that need no charges of their own, since all they do is bounded: no way back, no
 * indirect call, nothing that costs by length, and calls of such functions only. Their callers pay, so that
 * fuel need not go through memory for every accessor.
 *
 * A call behind which the instance traps does not count, or no check of bounds that aborts were bounded. In
 * there the global may say more than is left, by no more than was given: once, since it is the last call.
 */
export function findPrepaid(scans: readonly Scan[], importedFunctions: number): Prices {
  const prices = new Map<number, number>();
  const small = [...scans.entries()].filter(([, { instructions }]) => instructions <= PREPAID_MAX);
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, scan] of small) {
      const price = priceOf(scan, prices);
      if (price !== undefined && price <= PREPAID_MAX) prices.set(importedFunctions + at, price);
    }
  return prices;
}

function priceOf({ instructions, marks }: Scan, prices: Prices): number | undefined {
  let price = instructions;
  for (const { opcode, index, isLast } of marks) {
    if (opcode === OPCODE.return || isLast) continue;
    const called = opcode === OPCODE.call ? prices.get(index) : undefined;
    if (called === undefined) return undefined;
    price += called;
  }
  return price;
}

/** What a stretch of a function costs: its instructions, and the prepaid functions it calls. */
export function createPricing({ marks }: Scan, prices: Prices): (stretch: Stretch) => number {
  const before = [0];
  for (const mark of marks) before.push(before.at(-1)! + priceOfCall(mark, prices));
  return ({ instructions, firstMark, endMark }) => instructions + before[endMark]! - before[firstMark]!;
}

function priceOfCall({ opcode, index }: Mark, prices: Prices): number {
  if (opcode === OPCODE.callIndirect) return PREPAID_MAX;
  return opcode === OPCODE.call ? (prices.get(index) ?? 0) : 0;
}
