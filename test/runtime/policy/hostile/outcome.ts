import { bindPlan } from '../../../../runtime/bind.ts';
import type { Plan, Snapshot } from '../../../../runtime/contract.ts';
import { SPACE } from '../../../../executor/plan.ts';
import type { Budgets, NodeBudget } from '../../../../executor/plan.ts';
import type { Failure, Result } from '../../../../executor/result.ts';
import { createRegionTable } from '../../../../runtime/region-table.ts';
import type { Launch } from '../../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../../runtime/policy/load.ts';
import type { HostedPolicy, LoadOptions } from '../../../../runtime/policy/load.ts';
import type { LogLine } from '../../../../runtime/policy/policy.ts';
import { sampleOf } from '../../samples.ts';
import type { HostLimits } from '../../../../runtime/policy/running-host.ts';

export interface Outcome {
  readonly ending: string;
  readonly message: string;
  /** Of the epochs that came to a plan. */
  readonly plans: readonly Plan[];
  readonly log: readonly LogLine[];
  readonly logDropped: number;
  readonly fuel: number;
  readonly state: Uint8Array | undefined;
}

export const REGIONS = 8;
/** The hole in the index space. */
export const HOLE = 3;

/** A busy machine must not look like a slow policy; what loops is out of fuel long before. */
const LIMITS: HostLimits = {
  ...{ memoryPagesMax: 256, loadDeadlineMs: 30_000, epochDeadlineMs: 30_000 },
  ...{ fuelPerEpoch: 50_000_000, fuelPerRegion: 0, fuelPerCall: 50_000_000 },
};

const node = (id: number): NodeBudget => ({
  ...{ node: id, tier: id, hasCpus: id === 0, capacity: 100, room: 50, budget: 50 },
  ...{ latencyNs: 0, bandwidthMib: 0, moveCostNs: 0 },
});
const BUDGETS: Budgets = {
  topologyGeneration: 1,
  members: { kind: 'uid', uid: 0 },
  nodes: [node(0), node(1)],
};

/** Regions 0 to 7 but for the hole, which died. */
function tableWithHole() {
  const table = createRegionTable();
  const rows = Array.from({ length: REGIONS }, (_, page) => ({ owner: 0, page }));
  table.update(sampleOf(rows), 1, new Uint32Array(REGIONS));
  table.update(sampleOf(rows.toSpliced(HOLE, 1)), 2, new Uint32Array(REGIONS));
  return table;
}
const TABLE = tableWithHole();

export function bind(plan: Plan) {
  const where = { table: TABLE, budgets: BUDGETS, scope: 'demo', epoch: 2, space: SPACE.virtual };
  return bindPlan({ plan, ...where, invalidShareMax: 0 });
}

/** Takes a policy through its whole life: load, an epoch, save and restore, another epoch. */
export async function live(
  policy: string | Uint8Array,
  snapshot: Snapshot,
  { limits, settings = {} }: Pick<LoadOptions, 'limits' | 'settings'>,
  launch: Launch,
): Promise<Outcome> {
  let started = false;
  const watched: Launch = () => {
    started = true;
    return launch();
  };
  const nothing = { plans: [], log: [], logDropped: 0, fuel: 0, state: undefined };
  const loaded = await loadPolicy({ policy, settings, limits: { ...LIMITS, ...limits }, launch: watched });
  if (!loaded.ok) return { ...nothing, ...endedBy(started ? 'load' : 'admission', loaded) };
  try {
    return await useUp(loaded.value, snapshot);
  } finally {
    await loaded.value.close();
  }
}

function endedBy(stage: string, { code, message }: Failure<string>) {
  return { ending: `${stage} ${code}`, message };
}

async function useUp(policy: HostedPolicy, snapshot: Snapshot): Promise<Outcome> {
  const plans: Plan[] = [];
  const log: LogLine[] = [];
  let logDropped = 0;
  let fuel = 0;
  let state: Uint8Array | undefined;
  const epoch = async (): Promise<Result<unknown, string>> => {
    const answer = await policy.evaluate(snapshot);
    const run = answer.ok ? answer.value : answer.run;
    log.push(...run.log);
    logDropped += run.logDropped;
    fuel += run.fuel;
    if (answer.ok) plans.push(answer.value.plan);
    return answer;
  };
  const save = async (): Promise<Result<unknown, string>> => {
    const saved = await policy.save();
    if (saved.ok) state = saved.value.slice();
    return saved;
  };
  const stages: readonly (readonly [
    string,
    () => Result<unknown, string> | Promise<Result<unknown, string>>,
  ])[] = [
    ['epoch', epoch],
    ['bind', () => bind(plans[0]!)],
    ['save', save],
    ['restore', () => policy.restore(policy.manifest.stateVersion, state!)],
    ['epoch', epoch],
    ['bind', () => bind(plans[1]!)],
  ];
  let end = { ending: 'harmless', message: '' };
  for (const [stage, run] of stages) {
    const answer = await run();
    if (answer.ok) continue;
    end = endedBy(stage, answer);
    break;
  }
  return { ...end, plans, log, logDropped, fuel, state };
}
