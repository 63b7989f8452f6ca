import type { NodeBudget, Outcome } from '../../executor/plan.ts';
import type { Failure } from '../../executor/result.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { checkEntries, keepEntries } from '../bind.ts';
import { EVENT, PLACE_NONE, type Plan, type Snapshot } from '../contract.ts';
import type { CostModel } from '../cost-model.ts';
import type { Evaluation, Policy } from '../policy/policy.ts';
import { createBreaker, type BreakerLimits } from './breaker.ts';
import { FORGET } from './forget.ts';
import { imagine, type ImaginedOutcome } from './imagine.ts';
import { createLedger } from './ledger.ts';

export interface ShadowOptions {
  readonly policy: Policy;
  readonly model: CostModel;
  /** By which its slowdown is held against the real one. */
  readonly limits: BreakerLimits & { readonly invalidShareMax: number };
  /** It knows this epoch's indices already: its state was taken over from a policy that saw every epoch. */
  readonly initiated?: boolean;
}

/** What a shadow came to so far. Pages are base pages. */
export interface ShadowReport {
  /** Epochs that it answered in time. */
  readonly epochs: number;
  /** Epochs in which it was still busy with an earlier one. */
  readonly missed: number;
  readonly failed: number;
  /** Modelled, over the breaker's epochs: in the world it would have made, and in the real one. */
  readonly slowdown: number;
  readonly activeSlowdown: number;
  readonly movedPages: number;
  readonly promotedPages: number;
  readonly demotedPages: number;
  /** In another place than they are, now. */
  readonly elsewherePages: number;
  readonly fuel: number;
  /** The last one. */
  readonly fault?: Failure;
}

/**
 * A policy beside the one that decides. It is shown the world as its own plans would have made it: places, room and
 * verdicts are imagined, everything else is what the sensor saw. It never keeps an epoch waiting.
 */
export interface Shadow {
  readonly policy: Policy;
  /** Takes an epoch in; resolves when the snapshot has been read, not when the policy has answered. */
  show(snapshot: Snapshot, nodes: readonly NodeBudget[]): Promise<void>;
  /** A real plan was carried out in the epoch shown last; `targets` are places. */
  carriedOut(regions: Uint32Array, targets: Uint8Array, outcome: Outcome): void;
  /** Resolves when it waits for the next epoch. */
  idle(): Promise<void>;
  isIdle(): boolean;
  /** Whether it saw every epoch until now, so that its state fits the next. */
  isCurrent(): boolean;
  /** Whether it is slower than the real one by more than the share allowed; `harmEpochs` need not be over. */
  isHarmful(): boolean;
  report(): ShadowReport;
  close(): Promise<void>;
}

type Counts = {
  -readonly [Key in keyof Omit<ShadowReport, 'slowdown' | 'activeSlowdown'>]: ShadowReport[Key];
};

interface Answered {
  readonly regions: Uint32Array;
  readonly verdicts: Uint8Array;
}

/** An epoch as a shadow sees it; its own columns are valid until it is shown the next one. */
type View = Snapshot & {
  readonly columns: { readonly place: Uint8Array; readonly pages: Uint32Array };
};

const makeColumns = (regions: number) => ({
  place: new Uint8Array(regions),
  pages: new Uint32Array(regions),
  verdict: new Uint8Array(regions),
});

export function createShadow({ policy, model, limits, initiated = false }: ShadowOptions): Shadow {
  const ledger = createLedger(model);
  const breaker = createBreaker(limits);
  const counts: Counts = {
    ...{ epochs: 0, missed: 0, failed: 0, movedPages: 0, promotedPages: 0, demotedPages: 0 },
    ...{ elsewherePages: 0, fuel: 0 },
  };
  let slowdowns = { policy: 1, hold: 1 };
  let busy: Promise<void> | undefined;
  let shown = 0;
  /** Number of the last epoch it was asked about, as shown here. */
  let asked = initiated ? 0 : -1;
  let answered: Answered | undefined;
  let columns = makeColumns(0);
  /** Of its imagined moves in the epoch before; and what a page costs, by place. */
  let imaginedMoveNs = 0;
  let moveCostNs: readonly number[] = [];

  function account(snapshot: Snapshot, nodes: readonly NodeBudget[]): void {
    const cost = ledger.account(snapshot, nodes);
    // The breaker's `hold` is what it is compared with: here the world as it is.
    slowdowns = breaker.add({
      ...{ lengthNs: cost.lengthNs, allFastNs: cost.allFastNs, actualNs: cost.heldNs },
      ...{ moveNs: imaginedMoveNs, heldNs: cost.actualNs, heldMoveNs: cost.moveNs },
    });
    imaginedMoveNs = 0;
    moveCostNs = nodes.map((node) => (node.moveCostNs > 0 ? node.moveCostNs : model.moveCostNs));
  }

  /** The epoch as it would be. */
  function viewOf(snapshot: Snapshot): View {
    const { regions, places } = snapshot;
    // It holds one epoch at a time, and large columns are better kept than collected.
    if (columns.pages.length < regions) columns = makeColumns(regions + (regions >> 2));
    const [place, verdict] = [columns.place.subarray(0, regions), columns.verdict.subarray(0, regions)];
    counts.elsewherePages = imaginePlaces(snapshot, ledger.held, place);
    const known = asked === shown - 1;
    fillVerdicts(known ? answered : undefined, snapshot, verdict);
    const pages = columns.pages.subarray(0, regions);
    pages.set(snapshot.columns.pages!);
    return {
      ...snapshot,
      places: places.map((each, i) => ({ ...each, room: Math.max(0, Math.round(ledger.room[i])) })),
      events: known ? snapshot.events : FORGET,
      columns: { ...snapshot.columns, place, pages, verdict },
    };
  }

  async function ask(snapshot: Snapshot, handedOver: () => void): Promise<void> {
    const epoch = shown;
    const view = viewOf(snapshot);
    asked = epoch;
    answered = undefined;
    const answer = await policy.evaluate(view, handedOver);
    if (!answer.ok) {
      fail(answer);
      await policy.ready();
    } else if (shown === epoch) judge(answer.value, view);
    // Else it came too late: indices mean something else by now.
  }

  function judge({ plan, fuel }: Evaluation, { places, columns: { pages, place } }: View): void {
    const checked = checkEntries({
      plan,
      pages,
      places: places.length,
      invalidShareMax: limits.invalidShareMax,
    });
    if (!checked.ok) return fail(checked);
    const kept = keepEntries(plan, checked.value);
    follow(kept, imagine({ plan: kept, pages, place, places, room: ledger.room }));
    counts.fuel = fuel;
  }

  function fail(fault: Failure): void {
    counts.failed++;
    counts.fault = fault;
  }

  function follow({ regions, targets }: Plan, outcome: ImaginedOutcome): void {
    const { verdicts, arrivedPages, promotedPages, demotedPages } = outcome;
    for (let i = 0; i < regions.length; i++)
      if (verdicts[i] === VERDICT.moved) ledger.held[regions[i]] = targets[i];
    answered = { regions, verdicts };
    imaginedMoveNs = arrivedPages.reduce((ns, arrived, at) => ns + arrived * moveCostNs[at], 0);
    counts.epochs++;
    counts.movedPages += arrivedPages.reduce((sum, arrived) => sum + arrived, 0);
    counts.promotedPages += promotedPages;
    counts.demotedPages += demotedPages;
  }

  return {
    policy,
    show(snapshot, nodes) {
      shown++;
      account(snapshot, nodes);
      if (busy) {
        counts.missed++;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        busy = ask(snapshot, resolve).finally(() => (busy = undefined));
      });
    },
    carriedOut: ledger.carriedOut,
    idle: async () => busy,
    isIdle: () => busy === undefined,
    isCurrent: () => asked === shown,
    isHarmful: () => slowdowns.policy > slowdowns.hold * (1 + limits.harmShareMax),
    report: () => ({ ...counts, slowdown: slowdowns.policy, activeSlowdown: slowdowns.hold }),
    close: () => policy.close(),
  };
}

/**
 * Writes where regions would be into `place`; answers how many pages that is elsewhere. Those in none of the places
 * are there in every world. Four regions at a time, since most are where they are.
 */
function imaginePlaces({ columns }: Snapshot, held: Uint8Array, place: Uint8Array): number {
  const actual = columns.place as Uint8Array;
  const pages = columns.pages as Uint32Array;
  const quads = actual.length >> 2;
  const is = new Int32Array(actual.buffer, actual.byteOffset, quads);
  const would = new Int32Array(held.buffer, held.byteOffset, quads);
  let elsewherePages = 0;
  place.set(actual);
  for (let region = 0; region < actual.length; region++) {
    const quad = region >> 2;
    if ((region & 3) === 0 && quad < quads && is[quad] === would[quad]) region += 3;
    else if (actual[region] !== held[region] && actual[region] !== PLACE_NONE) {
      place[region] = held[region];
      elsewherePages += pages[region];
    }
  }
  return elsewherePages;
}

/** By region; an index that was given to another region says nothing of it. */
function fillVerdicts(answered: Answered | undefined, { events }: Snapshot, column: Uint8Array): void {
  column.fill(VERDICT.none);
  if (!answered) return;
  const { regions, verdicts } = answered;
  for (let i = 0; i < regions.length; i++) if (regions[i] < column.length) column[regions[i]] = verdicts[i];
  const { kinds } = events;
  for (let i = 0; i < kinds.length; i++) {
    if (kinds[i] === EVENT.died || kinds[i] === EVENT.born) column[events.regions[i]] = VERDICT.none;
    else if (kinds[i] === EVENT.split || kinds[i] === EVENT.merged) column[events.others[i]] = VERDICT.none;
  }
}
