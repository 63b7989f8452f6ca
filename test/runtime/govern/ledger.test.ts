import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VERDICT } from '../../../executor/verdict.ts';
import { PLACE_NONE } from '../../../runtime/contract.ts';
import { DEFAULT_COST_MODEL } from '../../../runtime/cost-model.ts';
import { createLedger, type EpochCost } from '../../../runtime/govern/ledger.ts';
import { tally } from '../../../runtime/govern/tally.ts';
import { epochOf, nodesOf, outcomeOf, type SceneEpoch } from './scene.ts';

function createScene() {
  const ledger = createLedger(DEFAULT_COST_MODEL);
  return {
    ledger,
    account(epoch: SceneEpoch): EpochCost {
      const snapshot = epochOf(epoch);
      return ledger.account(snapshot, nodesOf(snapshot));
    },
    /** The policy moved these regions there. */
    moved(regions: readonly number[], target: number) {
      const targets = Uint8Array.from(regions, () => target);
      ledger.carriedOut(Uint32Array.from(regions), targets, outcomeOf(regions.map(() => VERDICT.moved)));
    },
  };
}

/** Mean latency of an access above the fastest place's, ns: as it is, and as it would be. */
function waits({ allFastNs, actualNs, heldNs }: EpochCost): { actual: number; held: number } {
  const perAccess = 100 / 0.6 / allFastNs;
  const round = (value: number) => Math.round(value * 1000) / 1000 + 0;
  return { actual: round((actualNs - allFastNs) * perAccess), held: round((heldNs - allFastNs) * perAccess) };
}

describe('a ledger', () => {
  test('begins with things as they are, and charges what the policy moved to the policy alone', () => {
    const { account, moved } = createScene();
    expect(waits(account({ regions: [{ place: 0 }, { place: 1 }] }))).toEqual({ actual: 75, held: 75 });
    moved([0], 1);
    expect(waits(account({ regions: [{ place: 1 }, { place: 1 }] }))).toEqual({ actual: 150, held: 75 });
    moved([0, 1], 0);
    expect(waits(account({ regions: [{ place: 0 }, { place: 0 }] }))).toEqual({ actual: 0, held: 75 });
  });

  test('what somebody else moved would have been moved anyway', () => {
    const { account, moved } = createScene();
    account({ regions: [{ place: 0 }, { place: 0 }] });
    moved([0], 1);
    const reclaimed = account({ regions: [{ place: 1 }, { place: 2 }] });
    expect(waits(reclaimed)).toEqual({ actual: 325, held: 250 });
    expect(waits(account({ regions: [{ place: 2 }, { place: 2 }] }))).toEqual({ actual: 500, held: 500 });
  });

  test('a refused wish moves nothing', () => {
    const { account, ledger } = createScene();
    account({ regions: [{ place: 0 }] });
    ledger.carriedOut(Uint32Array.of(0), Uint8Array.of(1), outcomeOf([VERDICT['no-room']]));
    expect(waits(account({ regions: [{ place: 0 }] }))).toEqual({ actual: 0, held: 0 });
  });

  describe('puts a newborn', () => {
    const born = [['born', 1]] as const;

    test('where it appeared, if there would be room', () => {
      const { account, moved } = createScene();
      account({ regions: [{ place: 0 }], room: [5, 9, 9] });
      moved([0], 1);
      const epoch = account({ regions: [{ place: 1 }, { place: 0 }], room: [5, 9, 9], events: born });
      expect(waits(epoch)).toEqual({ actual: 75, held: 0 });
    });

    test('into the next slower place, if that room is only there because the policy made it', () => {
      const { account, moved } = createScene();
      account({ regions: [{ place: 0, accesses: 0 }] });
      moved([0], 1);
      const regions = [{ place: 1, accesses: 0 }, { place: 0 }];
      expect(waits(account({ regions, events: born }))).toEqual({ actual: 0, held: 150 });
    });

    test('into a faster place, if the policy has filled it', () => {
      const { account, moved } = createScene();
      account({ regions: [{ place: 1, accesses: 0 }], room: [1, 9, 9] });
      moved([0], 0);
      const regions = [{ place: 0, accesses: 0 }, { place: 1 }];
      expect(waits(account({ regions, room: [0, 9, 9], events: born }))).toEqual({ actual: 150, held: 0 });
    });

    test('nowhere else, if the faster place was free and passed over', () => {
      const { account } = createScene();
      account({ regions: [{ place: 0 }], room: [50, 9, 9] });
      const regions = [{ place: 0, accesses: 0 }, { place: 1 }];
      expect(waits(account({ regions, room: [50, 9, 9], events: born }))).toEqual({ actual: 150, held: 150 });
    });
  });

  test('a region that was split or scattered is where its contents would be', () => {
    const { account, moved } = createScene();
    account({ regions: [{ place: 0 }, { place: 0 }] });
    moved([0], 1);
    const split = account({ regions: [{ place: 1 }, { place: 0 }, { place: 1 }], events: [['split', 0, 2]] });
    expect(waits(split)).toEqual({ actual: 100, held: 0 });
    const scattered = account({
      regions: [{}, { place: 0 }, { place: 1 }, { place: 2 }],
      events: [
        ['born', 3],
        ['scattered', 3, 0],
        ['scattered', 1, 0],
        ['died', 0],
      ],
    });
    expect(waits(scattered)).toEqual({ actual: 216.667, held: 0 });
  });

  test('begins anew when the nodes change, or everything is to be forgotten', () => {
    const { account, moved, ledger } = createScene();
    account({ regions: [{ place: 0 }] });
    moved([0], 1);
    expect(waits(account({ regions: [{ place: 1 }], events: [['forget', 0]] }))).toEqual({
      actual: 150,
      held: 150,
    });
    moved([0], 2);
    const snapshot = epochOf({ regions: [{ place: 2 }] });
    expect(waits(ledger.account(snapshot, nodesOf(snapshot, [0, 1, 7])))).toEqual({ actual: 500, held: 500 });
  });

  test('moves cost what was measured, else what the model says, once', () => {
    const { account, ledger } = createScene();
    const snapshot = epochOf({ regions: [{ place: 0 }] });
    ledger.account(snapshot, nodesOf(snapshot, undefined, 500));
    const flows = [{ from: 0, to: 1, pages: 2 }];
    ledger.carriedOut(new Uint32Array(), new Uint8Array(), outcomeOf([], flows));
    expect(account({ regions: [{ place: 0 }] }).moveNs).toBe(1000);
    ledger.carriedOut(new Uint32Array(), new Uint8Array(), outcomeOf([], flows));
    expect(account({ regions: [{ place: 0 }] }).moveNs).toBe(2 * DEFAULT_COST_MODEL.moveCostNs);
    expect(account({ regions: [{ place: 0 }] }).moveNs).toBe(0);
  });

  test('where a place does not tell its latency, the model tells them all', () => {
    const snapshot = epochOf({ regions: [{ place: 1 }] }, [400, 0, 0]);
    const cost = createLedger(DEFAULT_COST_MODEL).account(snapshot, nodesOf(snapshot));
    expect(waits(cost)).toEqual({ actual: 150, held: 150 });
  });

  test('a machine nobody uses costs nothing', () => {
    const { account } = createScene();
    expect(account({ regions: [] })).toMatchObject({ allFastNs: 0, actualNs: 0, heldNs: 0 });
    expect(account({ regions: [{ accesses: 7 }] })).toMatchObject({ allFastNs: 0, actualNs: 0, heldNs: 0 });
    expect(account({ regions: [{ accesses: 7 }], room: [] })).toMatchObject({ allFastNs: 0, actualNs: 0 });
  });
});

test('the passes over columns agree with one region at a time', () => {
  const place = fc.constantFrom(0, 0, 0, 1, 2, PLACE_NONE);
  const region = fc.record({
    place,
    held: place,
    expected: place,
    pages: fc.integer({ min: 1, max: 9 }),
    accesses: fc.nat(9),
  });
  const same = region.map((one) => ({ ...one, held: one.place, expected: one.place }));
  fc.assert(
    fc.property(fc.array(fc.oneof(same, same, region), { maxLength: 40 }), (regions) => {
      const snapshot = epochOf({ regions });
      const latencyNs = new Float64Array(256);
      latencyNs.set([100, 250, 600]);
      const held = Uint8Array.from(regions, (one) => one.held);
      const expected = Uint8Array.from(regions, (one) => one.expected);
      const padded = (bytes: Uint8Array) =>
        Uint8Array.from({ length: bytes.length + 8 }, (_, i) => bytes[i] ?? 0);
      const [heldAfter, expectedAfter] = [padded(held), padded(expected)];
      const found = tally({
        ...{ snapshot, held: heldAfter, expected: expectedAfter, latencyNs },
        scratch: new Uint32Array(snapshot.regions),
      });
      const there = regions.filter((one) => one.place !== PLACE_NONE);
      const would = (one: (typeof regions)[number]) =>
        one.held !== PLACE_NONE && one.place !== one.expected ? one.place : one.held;
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
      expect(found.accesses).toBe(sum(there.map(({ accesses }) => accesses)));
      expect(found.actualNs).toBe(sum(there.map((one) => one.accesses * latencyNs[one.place])));
      expect(found.heldNs).toBe(sum(there.map((one) => one.accesses * latencyNs[would(one)])));
      for (const at of [0, 1, 2]) {
        const pages = (list: typeof regions) => sum(list.map((one) => one.pages));
        const spare =
          pages(there.filter((one) => one.place === at)) - pages(there.filter((one) => would(one) === at));
        expect(found.spare[at]).toBe(spare);
      }
      expect(found.newborns).toEqual(
        [...regions.keys()].filter(
          (i) => regions[i].place !== PLACE_NONE && would(regions[i]) === PLACE_NONE,
        ),
      );
      regions.forEach((one, i) => {
        expect(heldAfter[i]).toBe(one.place === PLACE_NONE ? one.held : would(one));
        expect(expectedAfter[i]).toBe(one.place === PLACE_NONE ? one.expected : one.place);
      });
    }),
  );
});
