import { PLACE_KIND, PLACE_STATE, type Place, type Plan } from '../../runtime/contract.ts';

/** A machine of two nodes that carries out plans at once, departures first, within room. */
export interface TwoTierMachine {
  readonly place: Uint8Array;
  readonly verdict: Uint8Array;
  /** Entries that moved something, in all. */
  moves: number;
  refused: number;
  places(): readonly Place[];
  carryOut(plan: Plan): void;
}

export interface MachineShape {
  readonly pages: Uint32Array;
  readonly fastLimit: number;
  readonly budget: number;
  readonly capacity?: number;
}

export function createMachine({
  pages,
  fastLimit,
  budget,
  capacity = fastLimit,
}: MachineShape): TwoTierMachine {
  const place = new Uint8Array(pages.length).fill(1);
  const verdict = new Uint8Array(pages.length);
  let usedFast = 0;
  const node = (tier: number, room: number, size: number): Place => ({
    tier,
    kind: PLACE_KIND.nodeWithCpus,
    state: PLACE_STATE.usable,
    capacity: size,
    room,
    budget,
    latencyNs: tier === 0 ? 100 : 250,
    bandwidthMib: 0,
  });
  const machine: TwoTierMachine = {
    place,
    verdict,
    moves: 0,
    refused: 0,
    places: () => [node(0, fastLimit - usedFast, capacity), node(1, 1 << 20, 1 << 20)],
    carryOut(plan) {
      verdict.fill(0);
      for (const target of [1, 0]) {
        plan.regions.forEach((region, i) => {
          if (plan.targets[i] !== target) return;
          const size = pages[region]!;
          if (place[region] === target || (target === 0 && usedFast + size > fastLimit)) {
            verdict[region] = 16;
            machine.refused++;
            return;
          }
          usedFast += target === 0 ? size : -size;
          place[region] = target;
          verdict[region] = 1;
          machine.moves++;
        });
      }
    },
  };
  return machine;
}
