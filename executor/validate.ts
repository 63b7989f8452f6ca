import { allowsTarget, judgeMappers, lacksMapper } from './judge-mappers.ts';
import { FACT } from './kernel.ts';
import type { Limits, Scope } from './limits.ts';
import type { PlanOwners } from './owners.ts';
import type { Headroom } from './plan.ts';
import type { Rows } from './resolve.ts';
import type { Topology } from './topology.ts';
import { VERDICT } from './verdict.ts';

/** Everything but the pages themselves that a round is judged by. Indexed by node id where not said. */
export interface Ground {
  /** Base pages that may still come to each node. */
  readonly room: Float64Array;
  /** Base pages the scope's members hold on each node, where a limit depends on it. */
  readonly usage: ReadonlyMap<number, number>;
  /** Base pages the scope's quota still lets move. */
  readonly quotaPages: number;
  /** Verdict of each pair, at `from * 256 + to`. */
  readonly pairs: Uint8Array;
  /** Inodes of the cgroups that may be charged for a frame; absent = whichever is. */
  readonly cgroups?: ReadonlySet<number>;
}

declare const validated: unique symbol;

/** Proof that these rows passed; only `validate` makes one, and `submit` takes nothing else. */
export interface ValidatedPlan {
  readonly [validated]: true;
  readonly rows: Rows;
  /** The rows that may move, in order of priority. */
  readonly permitted: Uint32Array;
  /** 1 for each of these that several processes map, all of which are known and in the scope. */
  readonly together: Uint8Array;
  /** For each row asked about, in the order asked. */
  readonly verdicts: Uint8Array;
}

/** Operator's leave and kernel's facts decide which kinds of pages stay put. */
type Allow = Pick<Limits, 'allow' | 'partialHuge'>;

/**
 * Judges open rows, in order of priority, against their facts and the room there is. Pure: it writes to
 * nothing it was given. Pages that leave a node make no room there; the round after may use it.
 */
export function validate(
  rows: Rows,
  chosen: Uint32Array,
  owners: PlanOwners,
  ground: Ground,
  allow: Allow,
): ValidatedPlan {
  const room = ground.room.slice();
  let quota = ground.quotaPages;
  const kinds = listRefusedKinds(allow);
  const refusePartial = allow.partialHuge === 'refuse';
  const verdicts = new Uint8Array(chosen.length);
  const permitted = new Uint32Array(chosen.length);
  const together = new Uint8Array(chosen.length);
  let permittedCount = 0;
  const { node, target, folioPages, partial, flags, frames } = rows;
  for (let i = 0; i < chosen.length; i++) {
    const row = chosen[i];
    const to = target[row];
    const pages = folioPages[row];
    let verdict = judgeMappers(rows, row, owners, ground.cgroups);
    if (verdict !== VERDICT.none) verdicts[i] = verdict;
    else if (node[row] < 0)
      verdicts[i] = flags[row] & FACT.present ? VERDICT.unmovable : VERDICT['not-present'];
    else if (node[row] === to) verdicts[i] = VERDICT['in-place'];
    else if ((verdict = kinds[flags[row] & 63]) !== VERDICT.none) verdicts[i] = verdict;
    else if (lacksMapper(rows, row)) verdicts[i] = VERDICT.unknown;
    else if (partial[row] === 1 && refusePartial) verdicts[i] = VERDICT['partial-huge'];
    else if ((verdict = ground.pairs[node[row] * 256 + to]) !== VERDICT.none) verdicts[i] = verdict;
    else if (!allowsTarget(rows, row, owners, to)) verdicts[i] = VERDICT.cpuset;
    else if (pages > room[to]) verdicts[i] = VERDICT['no-room'];
    else if (pages > quota) verdicts[i] = VERDICT['over-budget'];
    else {
      room[to] -= pages;
      quota -= pages;
      // Who else maps a virtual page is not known: it moves alone or not at all.
      together[permittedCount] = frames && flags[row] & FACT.shared ? 1 : 0;
      permitted[permittedCount++] = row;
      verdicts[i] = VERDICT.permitted;
    }
  }
  return {
    rows,
    permitted: permitted.subarray(0, permittedCount),
    together: together.subarray(0, permittedCount),
    verdicts,
  } as unknown as ValidatedPlan;
}

/** Verdict of each combination of `FACT` bits up to `policyBound`; the most telling reason wins. */
function listRefusedKinds({ allow }: Allow): Uint8Array {
  return Uint8Array.from({ length: 64 }, (_, flags) => {
    if (flags & FACT.hugetlb && !allow.hugetlb) return VERDICT.hugetlb;
    if (flags & FACT.shared && !allow.shared) return VERDICT.shared;
    if (flags & FACT.mlocked && !allow.mlocked) return VERDICT.mlocked;
    if (flags & FACT.policyBound && !allow.policyBound) return VERDICT['policy-bound'];
    return flags & FACT.movable ? VERDICT.none : VERDICT.unmovable;
  });
}

/** Verdicts of all pairs of nodes for a scope. */
export function judgePairs(scope: Scope, topology: Topology): Uint8Array {
  const verdicts = new Uint8Array(65_536).fill(VERDICT['target-forbidden']);
  const listed = [...scope.nodes.keys()];
  const pairs = scope.pairs ?? listed.flatMap((from) => listed.map((to) => [from, to] as const));
  for (const [from, to] of pairs) verdicts[from * 256 + to] = VERDICT.none;
  const known = new Set(topology.nodes.map(({ node }) => node));
  for (let to = 0; to < 256; to++) {
    if (known.has(to)) continue;
    for (let from = 0; from < 256; from++) verdicts[from * 256 + to] = VERDICT['target-unknown'];
  }
  return verdicts;
}

/**
 * Base pages that may still come to each node: free, less watermark, reserve and headroom, and within what
 * the scope may hold there. Never negative; 0 at nodes the scope does not list.
 */
export function measureRoom(
  scope: Scope,
  limits: Limits,
  topology: Topology,
  usage: ReadonlyMap<number, number>,
  headroom: readonly Headroom[],
): Float64Array {
  const room = new Float64Array(256);
  for (const { node, free, watermark } of topology.nodes) {
    const limit = scope.nodes.get(node);
    if (!limit) continue;
    const wished = headroom.find((wish) => wish.node === node)?.pages ?? 0;
    const kept = (limits.reservePages.get(node) ?? 0) + Math.min(wished, limits.headroomPagesMax);
    const share = limit.pagesMax === undefined ? Infinity : limit.pagesMax - (usage.get(node) ?? 0);
    room[node] = Math.max(0, Math.min(free - watermark - kept, share));
  }
  return room;
}
