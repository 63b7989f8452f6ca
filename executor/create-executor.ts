import { type AdmittedPlan, admit, unknownScope } from './admit.ts';
import type { Executor } from './executor.ts';
import type { Journal, JournalEnd } from './journal.ts';
import type { Kernel } from './kernel.ts';
import { BOUNDS, type Limits, type Scope } from './limits.ts';
import { createPace } from './pace.ts';
import { overrideTopology } from './override-topology.ts';
import type { BoundPlan, Budgets, NodeBudget, PlanFault } from './plan.ts';
import { createQuotas } from './quota.ts';
import { type Failure, type Result, failure, success } from './result.ts';
import { type Carried, type Tools, carryOut, readUsage } from './rounds.ts';
import type { Topology } from './topology.ts';
import { measureRoom } from './validate.ts';
import { verdictName } from './verdict.ts';

/** Time as the executor sees it. */
export interface Clock {
  /** Milliseconds since 1970; must not go backwards. */
  nowMs(): number;
}

export interface ExecutorParts {
  readonly kernel: Kernel;
  readonly limits: Limits;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Told when a plan was carried out but its last journal line could not be written. */
  readonly warn?: (failed: Failure<'journal-unwritable'>) => void;
}

/**
 * The executor over any kernel. Each request runs to its end before the next begins. The one that fails to
 * write its first journal line moves nothing; if only the last line fails, the outcome still counts and the
 * next plan is refused.
 */
export function createExecutor({ kernel: bare, limits, journal, clock, warn }: ExecutorParts): Executor {
  const kernel = correctTopology(bare, limits);
  const quotas = createQuotas(() => clock.nowMs());
  const tools: Tools = {
    kernel,
    limits,
    quotas,
    pace: createPace(limits.callLatencyTargetMs, () => clock.nowMs()),
  };
  let closed = false;

  function prepare(plan: BoundPlan): Result<{ admitted: AdmittedPlan; topology: Topology }, PlanFault> {
    const topology = readTopology(kernel, closed);
    if (!topology.ok) return topology;
    const admitted = admit(plan, limits, topology.value);
    return admitted.ok ? success({ admitted: admitted.value, topology: topology.value }) : admitted;
  }

  return {
    async budgets(scopeName) {
      const topology = readTopology(kernel, closed);
      if (!topology.ok) return topology;
      const scope = limits.scopes.get(scopeName);
      if (!scope) return unknownScope(scopeName);
      return listBudgets(scope, topology.value, tools);
    },
    async check(plan) {
      const prepared = prepare(plan);
      if (!prepared.ok) return prepared;
      const carried = carryOut(prepared.value.admitted, prepared.value.topology, tools, false);
      return carried.ok ? success(carried.value.outcome) : carried;
    },
    async submit(plan) {
      const prepared = prepare(plan);
      if (!prepared.ok) return prepared;
      const { admitted, topology } = prepared.value;
      const { epoch, scope, target } = plan;
      const begun = journal.append({
        kind: 'begin',
        atMs: clock.nowMs(),
        epoch,
        scope,
        entries: target.length,
        pages: admitted.pages,
      });
      if (!begun.ok) return begun;
      const carried = carryOut(admitted, topology, tools, true);
      const ended = journal.append({ kind: 'end', atMs: clock.nowMs(), epoch, scope, ...describe(carried) });
      if (!ended.ok) warn?.(ended);
      return carried.ok ? success(carried.value.outcome) : carried;
    },
    async close() {
      if (closed) return;
      closed = true;
      journal.close();
      kernel.close();
    },
  };
}

/** The one place where the kernel's picture is corrected: rounds read it anew and must see the same tiers. */
function correctTopology(kernel: Kernel, limits: Limits): Kernel {
  return {
    ...kernel,
    topology() {
      const topology = kernel.topology();
      return topology.ok ? success(overrideTopology(topology.value, limits.topology)) : topology;
    },
  };
}

function readTopology(kernel: Kernel, closed: boolean): Result<Topology, PlanFault> {
  if (closed) return failure('executor-unreachable', 'the executor was closed; create another');
  const topology = kernel.topology();
  return topology.ok ? topology : failure('topology-unreadable', topology.message);
}

function listBudgets(scope: Scope, topology: Topology, tools: Tools): Result<Budgets, PlanFault> {
  const usage = readUsage(scope, tools.kernel);
  if (!usage.ok) return usage;
  const room = measureRoom(scope, tools.limits, topology, usage.value, []);
  const budget = tools.quotas.leftInNewEpoch(scope);
  const usable = topology.nodes.filter(({ node }) => scope.nodes.has(node));
  const nodes = usable.map(({ node, tier, hasCpus, capacity, latencyNs, bandwidthMib }): NodeBudget => ({
    node,
    tier,
    hasCpus,
    capacity,
    latencyNs,
    bandwidthMib,
    room: room[node],
    budget,
    moveCostNs: tools.pace.moveCostNs(node),
  }));
  return success({ topologyGeneration: topology.generation, members: scope.members, nodes });
}

type Ending = Omit<JournalEnd, 'kind' | 'atMs' | 'epoch' | 'scope'>;

function describe(carried: Result<Carried, PlanFault>): Ending {
  const none = { verdicts: {}, flows: [], flowsOmitted: 0, calls: 0, callNs: 0, callKinds: {} };
  if (!carried.ok) return { ...none, fault: carried.code };
  const { outcome, callKinds, ways } = carried.value;
  const { flows, calls, callNs } = outcome;
  const { journalFlowsMax, journalCallKindsMax } = BOUNDS;
  return {
    verdicts: countVerdicts(outcome.verdicts),
    flows: flows.slice(0, journalFlowsMax),
    flowsOmitted: Math.max(0, flows.length - journalFlowsMax),
    calls,
    callNs,
    callKinds: Object.fromEntries([...callKinds].slice(0, journalCallKindsMax)),
    ...(ways && { mappers: ways }),
  };
}

function countVerdicts(verdicts: Uint8Array): Record<string, number> {
  const counts = new Uint32Array(256);
  for (let i = 0; i < verdicts.length; i++) counts[verdicts[i]]++;
  const named: Record<string, number> = {};
  for (const [verdict, count] of counts.entries()) {
    if (count > 0) named[verdictName(verdict) ?? String(verdict)] = count;
  }
  return named;
}
