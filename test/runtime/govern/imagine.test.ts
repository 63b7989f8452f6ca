import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERDICT } from '../../../executor/verdict.ts';
import { PLACE_NONE, type Place, type Plan } from '../../../runtime/contract.ts';
import { imagine } from '../../../runtime/govern/imagine.ts';

const placeOf = (tier: number, budget: number): Place => ({
  ...{ tier, kind: 0, state: 0, capacity: 100, room: 0, budget, latencyNs: 0, bandwidthMib: 0 },
});

function planOf(entries: readonly (readonly [region: number, target: number, priority?: number])[]): Plan {
  return {
    regions: Uint32Array.from(entries, ([region]) => region),
    targets: Uint8Array.from(entries, ([, target]) => target),
    priorities: Uint16Array.from(entries, ([, , priority = 0]) => priority),
    ...{ reasons: new Uint8Array(), headroom: new Uint32Array(), wishes: [] },
  };
}

interface Scene {
  readonly at: readonly number[];
  readonly plan: Plan;
  readonly room?: readonly number[];
  readonly budget?: number;
  readonly pages?: readonly number[];
}

function run({ at, plan, room = [0, 10, 10], budget = 100, pages = at.map(() => 1) }: Scene) {
  const place = Uint8Array.from(at);
  const places = room.map((_, tier) => placeOf(tier, budget));
  const outcome = imagine({ plan, pages: Uint32Array.from(pages), place, places, room });
  return { ...outcome, place: [...place], verdicts: [...outcome.verdicts] };
}

const { moved } = VERDICT;

describe('an imagined plan', () => {
  test('departs first, so that promotions find the room', () => {
    const plan = planOf([
      [1, 0],
      [0, 1],
    ]);
    expect(run({ at: [0, 1], plan })).toEqual({
      ...{ verdicts: [moved, moved], place: [1, 0], arrivedPages: [1, 1, 0] },
      ...{ promotedPages: 1, demotedPages: 1 },
    });
  });

  test('demotes from the slowest pair upward: what leaves a place makes room there', () => {
    const plan = planOf([
      [0, 1],
      [1, 2],
    ]);
    expect(run({ at: [0, 1], plan, room: [0, 0, 1] }).verdicts).toEqual([moved, moved]);
  });

  test('goes by priority, ties by position, until the room is used up', () => {
    const plan = planOf([
      [0, 0, 1],
      [1, 0, 2],
      [2, 0, 2],
    ]);
    expect(run({ at: [1, 1, 1], plan, room: [2, 0] }).verdicts).toEqual([VERDICT['no-room'], moved, moved]);
  });

  test('stays within the budget, whole regions counted', () => {
    const plan = planOf([
      [0, 0, 2],
      [1, 0, 1],
    ]);
    const outcome = run({ at: [1, 1], plan, room: [9, 0], budget: 3, pages: [2, 2] });
    expect(outcome.verdicts).toEqual([moved, VERDICT['over-budget']]);
  });

  test('leaves alone what is there already, or nowhere', () => {
    const plan = planOf([
      [0, 1],
      [1, 1],
    ]);
    const { verdicts, place } = run({ at: [1, PLACE_NONE], plan });
    expect(verdicts).toEqual([VERDICT['in-place'], VERDICT['not-present']]);
    expect(place).toEqual([1, PLACE_NONE]);
  });

  test('never overfills a place, never moves more than the budget, and counts what it moved', () => {
    const scene = fc.record({
      at: fc.array(fc.constantFrom(0, 1, 2, PLACE_NONE), { minLength: 1, maxLength: 12 }),
      room: fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)),
      budget: fc.nat(8),
      targets: fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { minLength: 12, maxLength: 12 }),
    });
    fc.assert(
      fc.property(scene, ({ at, room, budget, targets }) => {
        const plan = planOf(at.map((_, region) => [region, ...targets[region]!]));
        const { verdicts, place, arrivedPages } = run({ at, plan, room, budget });
        const movedCount = verdicts.filter((verdict) => verdict === moved).length;
        expect(movedCount).toBeLessThanOrEqual(budget);
        expect(arrivedPages.reduce((sum, pages) => sum + pages, 0)).toBe(movedCount);
        const count = (places: readonly number[], which: number) =>
          places.filter((each) => each === which).length;
        room.forEach((free, which) =>
          expect(count(place, which) - count(at, which)).toBeLessThanOrEqual(free),
        );
        place.forEach((each, region) =>
          expect(each).toBe(verdicts[region] === moved ? plan.targets[region] : at[region]),
        );
      }),
    );
  });
});
