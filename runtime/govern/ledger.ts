import type { NodeBudget, Outcome } from '../../executor/plan.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { grow } from '../columns.ts';
import { EVENT, PLACE_NONE, type ColumnName, type Place, type Snapshot } from '../contract.ts';
import { computeNsPerAccess, type CostModel } from '../cost-model.ts';
import { placeNewborns } from './newborns.ts';
import { tally } from './tally.ts';

/** What a ledger reads of a snapshot, whatever the policy asked for. */
export const LEDGER_COLUMNS: readonly ColumnName[] = ['accesses', 'pages', 'place'];

/** Modelled time of one epoch, ns. */
export interface EpochCost {
  readonly lengthNs: number;
  /** Of the program, were all its memory fast. */
  readonly allFastNs: number;
  /** Of the program with every region where it is. */
  readonly actualNs: number;
  /** Of the program with every region where it would be. */
  readonly heldNs: number;
  /** Of the moves since the epoch before. */
  readonly moveNs: number;
  /** Of those that would have been made. */
  readonly heldMoveNs: number;
}

/**
 * Where every region would be had one policy moved nothing since the ledger began: the free shadow of `hold`
 * that this policy is compared with. Regions stay where they were first seen; what somebody else moved
 * (another policy, reclaim, NUMA balancing) is moved here too; a newborn goes where there would be room.
 */
export interface Ledger {
  /** Takes in an epoch. `nodes` are the snapshot's places; when they change the ledger begins anew. */
  account(snapshot: Snapshot, nodes: readonly NodeBudget[]): EpochCost;
  /** A plan of the policy was carried out; `targets` are places. */
  carriedOut(regions: Uint32Array, targets: Uint8Array, outcome: Outcome): void;
  /** Of the epoch taken in last, by region: the place where it would be. Whoever writes there moves it in this world. */
  readonly held: Uint8Array;
  /** By place: pages that would be free. */
  readonly room: readonly number[];
}

export function createLedger(model: CostModel): Ledger {
  let held = new Uint8Array(0);
  /** Where each region is unless somebody else moves it. */
  let expected = new Uint8Array(0);
  let scratch = new Uint32Array(0);
  let began = '';
  let moveNs = 0;
  let moveCosts: readonly { readonly node: number; readonly moveCostNs: number }[] = [];
  let roomBefore: readonly number[] = [];
  let room: number[] = [];

  function reserve(regions: number): void {
    if (regions <= held.length) return;
    const length = Math.max(1024, regions + (regions >> 2));
    held = grow(held, length);
    expected = grow(expected, length);
    scratch = new Uint32Array(length);
  }

  function follow({ events: { kinds, regions, others }, columns, places }: Snapshot, nodes: string): void {
    if (nodes !== began || kinds.includes(EVENT.forget)) {
      began = nodes;
      held.set(columns.place!);
      expected.set(columns.place!);
      roomBefore = places.map(({ room }) => room);
      return;
    }
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] === EVENT.born) held[regions[i]] = PLACE_NONE;
      else if (kinds[i] === EVENT.split) inherit(others[i], regions[i], columns);
      else if (kinds[i] === EVENT.scattered && held[regions[i]] === PLACE_NONE)
        inherit(regions[i], others[i], columns);
    }
  }

  /** A region of this epoch holds contents of another. */
  function inherit(region: number, other: number, { place }: Snapshot['columns']): void {
    held[region] = held[other];
    expected[region] = place![region];
  }

  function welcome(snapshot: Snapshot, newborns: readonly number[], latencyNs: Float64Array): number {
    const shortRoom = snapshot.places.map((place, i) => Math.min(place.room, roomBefore[i]));
    placeNewborns({ newborns, snapshot, room, shortRoom, held });
    const accesses = snapshot.columns.accesses!;
    return newborns.reduce((ns, region) => ns + accesses[region] * latencyNs[held[region]], 0);
  }

  function takeMoveNs(): number {
    const taken = moveNs;
    moveNs = 0;
    return taken;
  }

  return {
    account(snapshot, nodes) {
      reserve(snapshot.regions);
      follow(snapshot, nodes.map(({ node }) => node).join());
      const latencyNs = latenciesOf(snapshot.places, model);
      const tallied = tally({ snapshot, held, expected, latencyNs, scratch });
      room = snapshot.places.map((place, i) => place.room + tallied.spare[i]);
      const { newborns } = tallied;
      const newbornNs = newborns.length > 0 ? welcome(snapshot, newborns, latencyNs) : 0;
      roomBefore = snapshot.places.map(({ room }) => room);
      moveCosts = nodes;
      const period = snapshot.samplingPeriod;
      const fastestNs = nodes.length === 0 ? 0 : Math.min(...latencyNs.subarray(0, nodes.length));
      const computeNs = computeNsPerAccess(model, fastestNs);
      return {
        lengthNs: snapshot.lengthMs * 1e6,
        allFastNs: period * tallied.accesses * (computeNs + fastestNs),
        actualNs: period * (tallied.accesses * computeNs + tallied.actualNs),
        heldNs: period * (tallied.accesses * computeNs + tallied.heldNs + newbornNs),
        moveNs: takeMoveNs(),
        heldMoveNs: 0,
      };
    },
    carriedOut(regions, targets, { verdicts, flows }) {
      for (let i = 0; i < regions.length; i++)
        if (verdicts[i] === VERDICT.moved) expected[regions[i]] = targets[i];
      for (const { to, pages } of flows) {
        const measured = moveCosts.find(({ node }) => node === to)?.moveCostNs ?? 0;
        moveNs += pages * (measured > 0 ? measured : model.moveCostNs);
      }
    },
    get held() {
      return held;
    },
    get room() {
      return room;
    },
  };
}

/** By place, and 0 for none. As the places say, if all do: half of it from a model would turn tiers round. */
function latenciesOf(places: readonly Place[], { latencyNs: [first, second] }: CostModel): Float64Array {
  const byPlace = new Float64Array(PLACE_NONE + 1);
  const areKnown = places.every(({ latencyNs }) => latencyNs > 0);
  places.forEach(({ latencyNs, tier }, i) => {
    byPlace[i] = areKnown ? latencyNs : first + tier * (second - first);
  });
  return byPlace;
}
