import path from 'node:path';
import type { Executor } from '../../executor/executor.ts';
import { failure, success, type Failure, type Result } from '../../executor/result.ts';
import { checkConfig, type CheckedConfig, type CheckedScope } from '../config/check.ts';
import { readConfig } from '../config/read-config.ts';
import type { Operator, OperatorFault, SwitchRequest } from '../control/operator.ts';
import { createDecisionFile } from '../govern/decision-log.ts';
import type { Launch } from '../policy/launch.ts';
import type { HostedPolicy } from '../policy/load.ts';
import type { Shelf } from '../policy/shelf.ts';
import type { TelemetrySource } from '../telemetry/source.ts';
import { candidateOf, requestedCandidate } from './candidate.ts';
import type { Clock } from './clock.ts';
import { loadPolicies, type Wanted } from './load-policies.ts';
import { createNews } from './news.ts';
import { planReload, type ReloadPlan } from './plan-reload.ts';
import { limitToScope } from './scope-executor.ts';
import { startScope, type ScopeLoop } from './scope.ts';

/** Everything a daemon has to do with the outside. */
export interface DaemonMeans {
  readonly clock: Clock;
  /** One for all scopes. */
  readonly executor: Executor;
  readonly openSensor: (socketPath: string) => TelemetrySource;
  readonly shelf: Shelf;
  /** Absent = hosts are children of this process. */
  readonly launch?: Launch;
  /** '/' on a live machine: where quotas read what they are tuned by. */
  readonly root: string;
  readonly version: string;
  readonly pid: number;
  /** The daemon's log, line by line. */
  readonly tell: (line: string) => void;
}

export interface Daemon extends Operator {
  /** Ends every scope; resolves when no host of theirs is left. Executor and launcher are the caller's to close. */
  close(): Promise<void>;
}

/** Starts every scope of a checked configuration, or none. */
export async function startDaemon(first: CheckedConfig, means: DaemonMeans): Promise<Result<Daemon>> {
  const { clock, launch, shelf } = means;
  const { file } = first.config;
  const startedMs = clock.nowMs();
  const loops = new Map<string, ScopeLoop>();
  let inForce = first;
  let loadedMs = startedMs;
  let refused: string | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let closing = false;

  /** Reads, checks and loads all there is to load before anything changes. */
  async function reload(): Promise<Result<string, OperatorFault>> {
    if (closing) return CLOSING;
    const changed = await change();
    refused = changed.ok ? undefined : changed.message;
    if (changed.ok) return success(changed.value);
    const { code, message } = changed;
    return code === CLOSING.code
      ? CLOSING
      : failure('config-refused', `nothing has changed: ${code}: ${message}`);
  }

  async function change(): Promise<Result<string>> {
    const config = readConfig(file);
    if (!config.ok) return config;
    const checked = await checkConfig(config.value, shelf);
    if (!checked.ok) return checked;
    const plan = planReload(inForce, checked.value, (scope) => loops.get(scope)!.status().active);
    if (!plan.ok) return plan;
    const loaded = await loadPolicies(listWanted(plan.value), launch);
    if (!loaded.ok) return loaded;
    if (closing) {
      await Promise.all(loaded.value.map((policy) => policy.close()));
      return CLOSING;
    }
    await apply(plan.value, loaded.value);
    inForce = checked.value;
    loadedMs = clock.nowMs();
    return success(describePlan(plan.value, file));
  }

  async function apply(
    { removed, added, changed }: ReloadPlan,
    loaded: readonly HostedPolicy[],
  ): Promise<void> {
    const policies = loaded.values();
    const take = (count: number): HostedPolicy[] => policies.take(count).toArray();
    for (const { checked, active, shadows } of changed) {
      const loop = loops.get(checked.scope.name)!;
      loop.configure(checked);
      if (active) loop.begin(candidateOf(checked, take(1)[0]!));
      loop.setShadows(shadows.map((each) => (typeof each === 'number' ? each : take(1)[0]!)));
    }
    const ends = removed.map((name) => loops.get(name)!.stop());
    for (const name of removed) loops.delete(name);
    // A sensor and a decision log serve one loop at a time.
    await Promise.all(ends);
    for (const checked of added) start(checked, take(1 + checked.shadows.length));
  }

  function start(checked: CheckedScope, [policy, ...shadows]: readonly HostedPolicy[]): void {
    const { name, members, sensor, quotas } = checked.scope;
    const { decisions: folder } = first.config;
    const { executor, root, tell } = means;
    const warn = ({ code, message }: Failure) => tell(`${name}: ${code}: ${message}`);
    const { nowMs } = clock;
    const decisions = folder && createDecisionFile({ path: path.join(folder, `${name}.jsonl`), nowMs });
    const loop = startScope({
      ...{ checked, policy: policy!, shadows, clock, source: means.openSensor(sensor) },
      executor: limitToScope({ executor, members, quotas, means: { nowMs: clock.steadyMs, root, warn } }),
      ...(decisions && { decisions }),
      news: createNews(name, tell),
    });
    loops.set(name, loop);
  }

  function find(scope: string | undefined): Result<readonly ScopeLoop[], OperatorFault> {
    if (closing) return CLOSING;
    if (scope === undefined) return success([...loops.values()]);
    const loop = loops.get(scope);
    return loop ? success([loop]) : failure('scope-unknown', `there is no scope ${scope}: ${listNames()}`);
  }

  function findOne(scope: string | undefined): Result<ScopeLoop, OperatorFault> {
    const found = find(scope);
    if (!found.ok) return found;
    const [loop, ...others] = found.value;
    if (loop && others.length === 0) return success(loop);
    return failure('scope-unknown', `the daemon has several scopes: name one with --scope: ${listNames()}`);
  }

  function listNames(): string {
    return [...loops.keys()].join(', ');
  }

  function setPaused(scope: string | undefined, paused: boolean): Result<string, OperatorFault> {
    const found = find(scope);
    if (!found.ok) return found;
    for (const loop of found.value) loop.setPaused(paused);
    const names = scope ?? listNames();
    return success(
      paused ? `${names}: nothing moves from the next epoch on` : `${names}: plans are carried out again`,
    );
  }

  const loaded = await loadPolicies(first.scopes.flatMap(listScope), launch);
  if (!loaded.ok) return loaded;
  await apply({ removed: [], added: first.scopes, changed: [] }, loaded.value);

  return success({
    status: () => ({
      ...{ version: means.version, pid: means.pid, startedMs },
      config: { file, loadedMs, ...(refused !== undefined && { refused }) },
      scopes: [...loops.values()].map((loop) => loop.status()),
    }),
    async switchPolicy(request: SwitchRequest) {
      const loop = findOne(request.scope);
      if (!loop.ok) return loop;
      const { checked } = loop.value;
      const { trialEpochs = checked.scope.trialEpochs, policy } = request;
      const active = () => loop.value.status().active;
      loop.value.begin(requestedCandidate({ ...request, trialEpochs }, checked, { ...means, active }));
      return success(describeSwitch(policy, checked.scope.name, trialEpochs));
    },
    async rollback(scope) {
      const loop = findOne(scope);
      if (!loop.ok) return loop;
      const { lastGood, trial } = loop.value.status();
      const done = loop.value.rollBack();
      if (done === 'abandoned') return success(`the switch to ${trial?.policy} is given up`);
      if (done && lastGood)
        return success(`${lastGood.name}@${lastGood.version} decides from the next epoch on`);
      return failure('nothing-to-roll-back', 'no former version is kept: switch to the one you want');
    },
    pause: async (scope) => setPaused(scope, true),
    resume: async (scope) => setPaused(scope, false),
    reload() {
      // One after the other: each starts from what the one before has made.
      const done = turn.then(reload);
      turn = done;
      return done;
    },
    async close() {
      closing = true;
      await turn;
      await Promise.all([...loops.values()].map((loop) => loop.stop()));
    },
  });
}

const CLOSING = failure('closing', 'the daemon is ending');

/** In the order in which `apply` takes them. */
function listWanted({ added, changed }: ReloadPlan): Wanted[] {
  const going = changed.flatMap(({ checked: { scope }, active, shadows }) =>
    [...(active ? [active] : []), ...shadows.filter((each) => typeof each !== 'number')].map((checked) => ({
      checked,
      scope,
    })),
  );
  return [...going, ...added.flatMap(listScope)];
}

function listScope({ scope, active, shadows }: CheckedScope): Wanted[] {
  return [active, ...shadows].map((checked) => ({ checked, scope }));
}

function describePlan({ removed, added, changed }: ReloadPlan, file: string): string {
  const switching = changed.filter(({ active }) => active).map(({ checked: { scope } }) => scope.name);
  const parts = [
    ...(added.length > 0 ? [`new: ${added.map(({ scope }) => scope.name).join(', ')}`] : []),
    ...(removed.length > 0 ? [`ended: ${removed.join(', ')}`] : []),
    ...(switching.length > 0 ? [`switching: ${switching.join(', ')}`] : []),
  ];
  return `${file} is in force${parts.length > 0 ? `; ${parts.join('; ')}` : ''}`;
}

function describeSwitch(policy: string, scope: string, trialEpochs: number): string {
  const trial =
    trialEpochs === 0 ? 'it takes over as soon as it stands' : `a shadow for ${trialEpochs} epochs first`;
  return `${scope}: ${policy} is being prepared; ${trial}`;
}
