import { BOUNDS } from './limits.ts';
import type {
  BoundPlan,
  Budgets,
  Flow,
  FrameMoves,
  NodeBudget,
  Outcome,
  PlanFault,
  ScopeMembers,
} from './plan.ts';
import { isOwnerRef } from './procfs/proc.ts';
import { ID_NONE, isAmount, isCount, isFields, readId } from './wire/envelope.ts';
import { failure, success, type Result } from './result.ts';

/** What may be asked; the executor knows nothing else. */
export type Request =
  | { readonly kind: 'budgets'; readonly scope: string }
  | { readonly kind: 'check' | 'submit'; readonly plan: BoundPlan };

const faults: Record<PlanFault, true> = {
  'plan-malformed': true,
  'plan-too-large': true,
  'plan-too-many-owners': true,
  'scope-unknown': true,
  'scope-mismatch': true,
  'stale-topology': true,
  'topology-unreadable': true,
  'executor-paused': true,
  'executor-unreachable': true,
  'frame-too-large': true,
  'request-unknown': true,
  'permission-missing': true,
  'journal-unwritable': true,
};

/** Every code an executor may answer with. */
export const FAULTS: ReadonlySet<PlanFault> = new Set(Object.keys(faults) as PlanFault[]);

/** Checks types and equal lengths only; what a plan may say is for `admit`. */
export function readRequest(message: unknown): Result<Request, 'request-unknown' | 'plan-malformed'> {
  if (!isFields(message) || readId(message) === ID_NONE)
    return failure('request-unknown', 'a request is { id, kind, scope | plan }, with an id from 1 on');
  const { kind, scope } = message;
  if (kind === 'budgets') {
    if (typeof scope === 'string') return success({ kind, scope });
    return failure('plan-malformed', 'budgets needs the name of a scope');
  }
  if (kind !== 'check' && kind !== 'submit')
    return failure(
      'request-unknown',
      'the requests are budgets, check and submit; use both ends of one Terrace version',
    );
  const plan = readPlan(message.plan);
  return plan
    ? success({ kind, plan })
    : failure('plan-malformed', 'the plan has a missing field or a column of another type or length');
}

export function readBudgets(value: unknown): Budgets | undefined {
  if (!isFields(value) || !isCount(value.topologyGeneration) || !Array.isArray(value.nodes)) return undefined;
  const nodes: NodeBudget[] = [];
  for (const item of value.nodes as readonly unknown[]) {
    if (!isFields(item) || typeof item.hasCpus !== 'boolean' || !isCount(item.node, BOUNDS.nodeMax))
      return undefined;
    const { node, tier, hasCpus, capacity, room, budget, latencyNs, bandwidthMib, moveCostNs } = item;
    if (!isCount(tier) || !isCount(capacity) || !isCount(room) || !isCount(budget)) return undefined;
    if (!isCount(latencyNs) || !isCount(bandwidthMib) || !isAmount(moveCostNs)) return undefined;
    nodes.push({ node, tier, hasCpus, capacity, room, budget, latencyNs, bandwidthMib, moveCostNs });
  }
  const members = readMembers(value.members);
  return members && { topologyGeneration: value.topologyGeneration, members, nodes };
}

function readMembers(value: unknown): ScopeMembers | undefined {
  if (!isFields(value)) return undefined;
  const { kind, path, uid } = value;
  if (kind === 'cgroup' && typeof path === 'string' && Buffer.byteLength(path) <= BOUNDS.pathBytesMax)
    return { kind, path };
  return kind === 'uid' && isCount(uid) ? { kind, uid } : undefined;
}

/** `entries` = rows of the plan that the outcome answers. */
export function readOutcome(value: unknown, entries: number): Outcome | undefined {
  if (!isFields(value) || !Array.isArray(value.flows)) return undefined;
  const { epoch, verdicts, movedPages, calls, callNs } = value;
  if (!isCount(epoch) || !isCount(calls) || !isAmount(callNs)) return undefined;
  if (!(verdicts instanceof Uint8Array) || verdicts.length !== entries) return undefined;
  if (!(movedPages instanceof Uint32Array) || movedPages.length !== entries) return undefined;
  const flows: Flow[] = [];
  for (const item of value.flows as readonly unknown[]) {
    if (!isFields(item) || !isCount(item.from) || !isCount(item.to) || !isCount(item.pages)) return undefined;
    flows.push({ from: item.from, to: item.to, pages: item.pages });
  }
  const frames = readFrameMoves(value.frames, entries);
  return frames && { epoch, verdicts, movedPages, flows, frames, calls, callNs };
}

function readFrameMoves(value: unknown, entries: number): FrameMoves | undefined {
  if (!isFields(value)) return undefined;
  const { entry, from, to, pages } = value;
  if (!(entry instanceof Uint32Array && from instanceof Float64Array)) return undefined;
  if (!(to instanceof Float64Array && pages instanceof Uint32Array)) return undefined;
  const rows = entry.length;
  if (rows > BOUNDS.frameMovesMax || [from, to, pages].some(({ length }) => length !== rows))
    return undefined;
  for (let row = 0; row < rows; row++) {
    const sound = entry[row] < entries && isFrame(from[row]) && isFrame(to[row]) && pages[row] > 0;
    if (!sound) return undefined;
  }
  return { entry, from, to, pages };
}

function isFrame(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < BOUNDS.pageNumberMax;
}

function readPlan(value: unknown): BoundPlan | undefined {
  if (!isFields(value) || !Array.isArray(value.owners) || !Array.isArray(value.headroom)) return undefined;
  const { epoch, scope, topologyGeneration, owner, space, pageNumber, pages, target, priority } = value;
  if (!isCount(epoch) || typeof scope !== 'string' || !isCount(topologyGeneration)) return undefined;
  if (!value.owners.every(isOwnerRef)) return undefined;
  const headroom: { node: number; pages: number }[] = [];
  for (const item of value.headroom as readonly unknown[]) {
    if (!isFields(item) || !isCount(item.node) || !isCount(item.pages)) return undefined;
    headroom.push({ node: item.node, pages: item.pages });
  }
  if (!(owner instanceof Uint16Array && space instanceof Uint8Array && pageNumber instanceof Float64Array))
    return undefined;
  if (!(pages instanceof Uint32Array && target instanceof Uint8Array && priority instanceof Uint16Array))
    return undefined;
  const lengths = [owner, space, pages, target, priority].map((column) => column.length);
  if (lengths.some((length) => length !== pageNumber.length)) return undefined;
  const owners = value.owners.map(({ pid, startTimeTicks, stackStart }) => ({
    pid,
    startTimeTicks,
    stackStart,
  }));
  return {
    epoch,
    scope,
    topologyGeneration,
    headroom,
    owners,
    owner,
    space,
    pageNumber,
    pages,
    target,
    priority,
  };
}
