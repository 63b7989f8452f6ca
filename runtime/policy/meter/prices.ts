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
 * A call behind which the instance traps does not count if who is called pays for itself, or no check of
 * bounds that aborts were bounded. Which functions those are is known after a first look without such calls.
 */
export function findPrepaid(scans: readonly Scan[], importedFunctions: number): Prices {
  const indexed = new Map(scans.map((scan, at) => [importedFunctions + at, scan]));
  const hopeful = settle(indexed, () => false);
  return settle(new Map([...indexed].filter(([index]) => hopeful.has(index))), (index) => hopeful.has(index));
}

/** `countsLast`: whether a call of that function counts even where the instance traps behind it. */
function settle(scans: ReadonlyMap<number, Scan>, countsLast: (index: number) => boolean): Prices {
  const prices = new Map<number, number>();
  const small = [...scans].filter(([, { instructions }]) => instructions <= PREPAID_MAX);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, scan] of small) {
      const price = priceOf(scan, prices, countsLast);
      if (price !== undefined && price <= PREPAID_MAX) prices.set(index, price);
    }
  return prices;
}

function priceOf(
  { instructions, marks }: Scan,
  prices: Prices,
  countsLast: (index: number) => boolean,
): number | undefined {
  let price = instructions;
  for (const { opcode, index, isLast } of marks) {
    if (opcode === OPCODE.return || (isLast && !countsLast(index))) continue;
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
