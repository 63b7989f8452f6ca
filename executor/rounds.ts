import { type AdmittedPlan, isPhysical } from './admit.ts';
import { createFlowTally } from './flows.ts';
import type { MapperWays } from './frame-mappers.ts';
import { createFrameMoveTally, toFrameMoves } from './follow-frames.ts';
import type { Kernel } from './kernel.ts';
import type { Limits, Scope } from './limits.ts';
import type { Pace } from './pace.ts';
import type { Outcome, PlanFault } from './plan.ts';
import type { Quotas } from './quota.ts';
import { ABSORBED, type Rows } from './resolve.ts';
import { type ResolvedPlan, resolvePlan } from './resolve-plan.ts';
import { type Failure, type Result, failure, success } from './result.ts';
import { type CallTally, submit } from './submit.ts';
import type { Topology } from './topology.ts';
import { type Ground, type ValidatedPlan, judgePairs, measureRoom, validate } from './validate.ts';
import { VERDICT } from './verdict.ts';

/** What rounds are carried out with. */
export interface Tools {
  readonly kernel: Kernel;
  readonly limits: Limits;
  readonly quotas: Quotas;
  readonly pace: Pace;
}

export interface Carried {
  readonly outcome: Outcome;
  /** How often each answer of the kernel came. */
  readonly callKinds: ReadonlyMap<string, number>;
  readonly ways?: MapperWays;
}

/**
 * Carries an admitted plan out in rounds: demotions from the slowest pair of tiers upward, then promotions
 * from the fastest pair downward, then moves within a tier. Each round reads topology, usage and pages anew
 * and moves only into room that exists by then. A topology that changes meanwhile ends the plan.
 *
 * With `moving` false nothing moves: every round is assumed to come about as permitted, which is what the
 * plan would do if nobody else did anything.
 */
export function carryOut(
  admitted: AdmittedPlan,
  topology: Topology,
  tools: Tools,
  moving: boolean,
): Result<Carried, PlanFault> {
  const first = readGround(admitted, topology, tools);
  if (!first.ok) return first;
  const resolved = resolvePlan(admitted, tools.kernel, tools.limits);
  try {
    const tally = createTally();
    if (moving) runRounds(admitted, resolved, topology, first.value, tools, tally);
    else rehearseRounds(admitted, resolved, topology, first.value, tools.limits);
    const outcome = summarise(admitted, resolved.rows, tally);
    return success({ outcome, callKinds: tally.kinds, ...(resolved.ways && { ways: resolved.ways }) });
  } finally {
    resolved.close();
  }
}

function createTally(): CallTally {
  const [flows, moves] = [createFlowTally(), createFrameMoveTally()];
  return { calls: 0, ns: 0, movedPages: 0, kinds: new Map(), flows, moves };
}

function runRounds(
  admitted: AdmittedPlan,
  { rows, owners, refresh }: ResolvedPlan,
  topology: Topology,
  firstGround: Ground,
  tools: Tools,
  tally: CallTally,
): void {
  const { kernel, limits, pace, quotas } = tools;
  const moveFrames = goesByFrames(limits) ? kernel.moveFrames : undefined;
  const { scope, plan } = admitted;
  const rounds = classify(rows, topology);
  let ground = firstGround;
  let round = -1;
  while ((round = nextRound(rows, rounds, round)) >= 0) {
    if (tally.calls > 0) {
      const now = kernel.topology();
      if (!now.ok || now.value.generation !== plan.topologyGeneration) return;
      const fresh = readGround(admitted, now.value, tools);
      if (!fresh.ok) return;
      ground = fresh.value;
      refresh(selectRound(rows, rows.byPage, rounds, round));
      classify(rows, now.value, rounds, round);
    }
    const chosen = selectRound(rows, undefined, rounds, round);
    const validated = validate(rows, chosen, owners, ground, limits);
    applyRefusals(rows, chosen, validated);
    const movedBefore = tally.movedPages;
    const freeAboveWatermark = (node: number) => readFree(kernel, node);
    submit(validated, { owners, pace, tally, freeAboveWatermark, moveFrames });
    quotas.charge(scope, plan.epoch, tally.movedPages - movedBefore);
  }
}

function goesByFrames({ backends }: Limits): boolean {
  const [first] = backends;
  return first === 'move_phys_pages';
}

/** As `runRounds`, over a ground that shifts as if all that is permitted came about. */
function rehearseRounds(
  admitted: AdmittedPlan,
  { rows, owners }: ResolvedPlan,
  topology: Topology,
  firstGround: Ground,
  limits: Limits,
): void {
  const rounds = classify(rows, topology);
  const gained = new Map(topology.nodes.map(({ node }) => [node, 0]));
  let ground = firstGround;
  let { quotaPages } = ground;
  let round = -1;
  while ((round = nextRound(rows, rounds, round)) >= 0) {
    const chosen = selectRound(rows, undefined, rounds, round);
    const validated = validate(rows, chosen, owners, { ...ground, quotaPages }, limits);
    applyRefusals(rows, chosen, validated);
    for (const row of validated.permitted) {
      const pages = rows.folioPages[row];
      rows.verdict[row] = VERDICT.permitted;
      gained.set(rows.target[row], (gained.get(rows.target[row]) ?? 0) + pages);
      gained.set(rows.node[row], (gained.get(rows.node[row]) ?? 0) - pages);
      quotaPages -= pages;
    }
    ground = shiftGround(admitted, limits, topology, firstGround, gained);
  }
}

function shiftGround(
  { plan, scope }: AdmittedPlan,
  limits: Limits,
  topology: Topology,
  { usage, ...ground }: Ground,
  gained: ReadonlyMap<number, number>,
): Ground {
  const nodes = topology.nodes.map((node) => ({ ...node, free: node.free - (gained.get(node.node) ?? 0) }));
  const held = new Map([...gained].map(([node, pages]) => [node, pages + (usage.get(node) ?? 0)]));
  const room = measureRoom(scope, limits, { ...topology, nodes }, held, plan.headroom);
  return { ...ground, usage, room };
}

function readGround(
  { plan, scope }: AdmittedPlan,
  topology: Topology,
  tools: Tools,
): Result<Ground, PlanFault> {
  const usage = readUsage(scope, tools.kernel);
  if (!usage.ok) return usage;
  const cgroups = isPhysical(plan) ? readCgroups(scope, tools.kernel) : undefined;
  if (cgroups && !cgroups.ok) return unreadable(scope, cgroups.message);
  return success({
    ...(cgroups && { cgroups: cgroups.value }),
    room: measureRoom(scope, tools.limits, topology, usage.value, plan.headroom),
    usage: usage.value,
    quotaPages: tools.quotas.left(scope, plan.epoch),
    pairs: judgePairs(scope, topology),
  });
}

/** What the scope holds per node; not read (it may be dear) where no limit depends on it. */
export function readUsage(
  scope: AdmittedPlan['scope'],
  kernel: Kernel,
): Result<ReadonlyMap<number, number>, PlanFault> {
  if (![...scope.nodes.values()].some(({ pagesMax }) => pagesMax !== undefined)) return success(new Map());
  const usage = kernel.usage(scope.members);
  return usage.ok ? usage : unreadable(scope, usage.message);
}

/** The groups that may be charged for frames of the scope; undefined where every group may. */
function readCgroups({ members }: Scope, kernel: Kernel): Result<ReadonlySet<number>> | undefined {
  return members.kind === 'cgroup' && members.path !== '/' ? kernel.cgroups(members.path) : undefined;
}

function unreadable({ name }: Scope, reason: string): Failure<PlanFault> {
  return failure('topology-unreadable', `what scope ${name} holds could not be read: ${reason}`);
}

function readFree(kernel: Kernel, node: number): number {
  const topology = kernel.topology();
  const found = topology.ok ? topology.value.nodes.find((candidate) => candidate.node === node) : undefined;
  return found ? found.free - found.watermark : 0;
}

const DEMOTIONS = 1;
const PROMOTIONS = DEMOTIONS + 65_536;
const LATERAL = PROMOTIONS + 65_536;

/**
 * The round each open row belongs to, by where it is now. Round 0 takes what cannot move anyway. With
 * `only`, just the rows of that round are classed again: one that was moved by somebody else meanwhile
 * joins a later round, or stays open if its round is over.
 */
function classify(
  rows: Rows,
  topology: Topology,
  rounds: Uint32Array = new Uint32Array(rows.count),
  only?: number,
): Uint32Array {
  const roundOf = listRounds(topology);
  for (let row = 0; row < rows.count; row++) {
    if (only !== undefined && rounds[row] !== only) continue;
    // What can no longer move is judged in the round it was found in.
    const idle = rows.node[row] < 0 || rows.node[row] === rows.target[row];
    rounds[row] = idle ? (only ?? 0) : roundOf[rows.node[row] * 256 + rows.target[row]];
  }
  return rounds;
}

function listRounds(topology: Topology): Uint32Array {
  const roundOf = new Uint32Array(65_536);
  const tiers = [...new Set(topology.nodes.map(({ tier }) => tier))].toSorted((a, b) => a - b);
  for (const source of topology.nodes) {
    for (const target of topology.nodes) {
      const from = tiers.indexOf(source.tier);
      const to = tiers.indexOf(target.tier);
      roundOf[source.node * 256 + target.node] =
        to > from
          ? DEMOTIONS + (255 - to) * 256 + (255 - from)
          : to < from
            ? PROMOTIONS + to * 256 + from
            : LATERAL;
    }
  }
  return roundOf;
}

/** The lowest round after `last` that has open rows; -1 = none. */
function nextRound({ verdict, count }: Rows, rounds: Uint32Array, last: number): number {
  let next = Infinity;
  for (let row = 0; row < count; row++) {
    if (verdict[row] === VERDICT.none && rounds[row] > last && rounds[row] < next) next = rounds[row];
  }
  return next === Infinity ? -1 : next;
}

/** The open rows of a round, in the order of `among`, or by priority. */
function selectRound(
  rows: Rows,
  among: Uint32Array | undefined,
  rounds: Uint32Array,
  round: number,
): Uint32Array {
  const chosen = new Uint32Array(rows.count);
  let count = 0;
  for (let i = 0; i < rows.count; i++) {
    const row = among ? among[i] : i;
    if (rows.verdict[row] === VERDICT.none && rounds[row] === round) chosen[count++] = row;
  }
  return chosen.subarray(0, count);
}

function applyRefusals(rows: Rows, chosen: Uint32Array, { verdicts }: ValidatedPlan): void {
  for (let i = 0; i < chosen.length; i++) {
    if (verdicts[i] !== VERDICT.permitted) rows.verdict[chosen[i]] = verdicts[i];
  }
}

/** Weights that decide which of its pages speaks for an entry: the higher one. */
const WEIGHT = Uint8Array.from({ length: 256 }, (_, verdict) => {
  if (verdict === ABSORBED || verdict === VERDICT['not-present'] || verdict === VERDICT.free) return 0;
  if (verdict === VERDICT.duplicate) return 1;
  if (verdict === VERDICT['in-place']) return 2;
  if (verdict === VERDICT.moved || verdict === VERDICT.permitted) return 3;
  return 4;
});

/**
 * One verdict per entry. A page that was refused or not reached speaks for its whole entry, the lowest
 * address first, while `movedPages` says how much came about; pages that are not there, or that another
 * entry claimed, only speak when no other page does.
 */
function summarise({ plan, verdicts }: AdmittedPlan, rows: Rows, tally: CallTally): Outcome {
  const entryVerdicts = verdicts.slice();
  const movedPages = new Uint32Array(verdicts.length);
  for (let row = 0; row < rows.count; row++) {
    const entry = rows.entry[row];
    movedPages[entry] += rows.movedPages[row];
    const verdict = rows.verdict[row] === VERDICT.none ? VERDICT['not-attempted'] : rows.verdict[row];
    if (verdict === ABSORBED) continue;
    const current = entryVerdicts[entry];
    if (current === VERDICT.none || WEIGHT[verdict] > WEIGHT[current]) entryVerdicts[entry] = verdict;
  }
  return {
    epoch: plan.epoch,
    verdicts: entryVerdicts,
    movedPages,
    flows: tally.flows.list(),
    frames: toFrameMoves(tally.moves),
    calls: tally.calls,
    callNs: Math.round(tally.ns),
  };
}
