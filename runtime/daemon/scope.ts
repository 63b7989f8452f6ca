import type { CheckedScope } from '../config/check.ts';
import type { ScopeStatus } from '../control/status.ts';
import { createEngine, type StepReport } from '../engine.ts';
import type { DecisionLog } from '../govern/decision-log.ts';
import type { Shadow } from '../govern/shadow.ts';
import { stopMsMax } from '../limits.ts';
import type { StatefulPolicy } from '../policy/policy.ts';
import { describeShadow } from '../reload/describe.ts';
import { createSwitchboard, type Switchboard } from '../reload/switchboard.ts';
import type { TelemetrySource } from '../telemetry/source.ts';
import type { Clock } from './clock.ts';
import type { News } from './news.ts';
import { createPace } from './pace.ts';
import type { ScopeExecutor } from './scope-executor.ts';
import { addEpoch, NO_TOTALS } from './totals.ts';

export interface ScopeOptions {
  readonly checked: CheckedScope;
  readonly policy: StatefulPolicy;
  readonly shadows: readonly StatefulPolicy[];
  readonly source: TelemetrySource;
  readonly executor: ScopeExecutor;
  readonly decisions?: DecisionLog;
  readonly clock: Clock;
  readonly news: News;
}

/** One scope's loop: its engine, who decides in it, and what is beside. */
export interface ScopeLoop extends Pick<Switchboard, 'begin' | 'rollBack'> {
  /** What was asked for last. */
  readonly checked: CheckedScope;
  setPaused(paused: boolean): void;
  /** Takes over all of a changed configuration but the policies; see `begin` and `setShadows`. */
  configure(checked: CheckedScope): void;
  /** Those that stay are named by their place in the list before; whoever is not named ends. */
  setShadows(wanted: readonly (number | StatefulPolicy)[]): void;
  status(): ScopeStatus;
  /** Ends with the epoch under way; resolves when nothing is left. */
  stop(): Promise<void>;
}

interface Beside {
  readonly shadow: Shadow;
  readonly sinceMs: number;
}

/** Begins at once; the first epoch is one period away. */
export function startScope(options: ScopeOptions): ScopeLoop {
  const { source, policy, executor, decisions, clock, news } = options;
  let { checked } = options;
  const { scope } = checked;
  const { name, limits, epochMs } = scope;
  const engine = createEngine({
    ...{ source, policy, executor, limits, scope: name },
    ...(decisions && { decisions }),
  });
  const switchboard = createSwitchboard({ engine, nowMs: clock.nowMs, onEnd: news.switched });
  const pace = createPace(clock, epochMs);
  const stopping = new AbortController();
  let beside: readonly Beside[] = options.shadows.map(show);
  let last: StepReport | undefined;
  let totals = NO_TOTALS;
  const ends = new Set<Promise<void>>();
  let paused = false;

  async function loop(): Promise<void> {
    for (;;) {
      await pace.next(stopping.signal);
      if (stopping.signal.aborted) return;
      switchboard.beforeEpoch();
      last = await engine.step();
      totals = addEpoch(totals, last);
      news.step(last);
      await switchboard.afterEpoch();
    }
  }
  const ended = loop();

  function show(shadow: StatefulPolicy): Beside {
    return { shadow: engine.addShadow(shadow, false), sinceMs: clock.nowMs() };
  }

  return {
    get checked() {
      return checked;
    },
    begin: switchboard.begin,
    rollBack: switchboard.rollBack,
    setPaused(wanted) {
      paused = wanted;
      engine.setPaused(wanted);
    },
    configure(wanted) {
      const { limits: before } = checked.scope;
      checked = wanted;
      pace.setPeriod(wanted.scope.epochMs);
      // The breaker forgets what it has seen.
      if (JSON.stringify(before) !== JSON.stringify(wanted.scope.limits))
        engine.setLimits(wanted.scope.limits);
      executor.setQuotas(wanted.scope.quotas);
    },
    setShadows(wanted) {
      const before = beside;
      beside = wanted.map((each) => (typeof each === 'number' ? before[each]! : show(each)));
      for (const each of before) {
        if (beside.includes(each)) continue;
        engine.removeShadow(each.shadow);
        const end = each.shadow.close().finally(() => ends.delete(end));
        ends.add(end);
      }
    },
    status() {
      const { duty, fault, run, snapshot } = last ?? {};
      return {
        ...{ scope: name, paused, epoch: last?.epoch ?? 0, epochMs: pace.periodMs },
        ...{ late: pace.late, dropped: pace.dropped, regions: snapshot?.regions ?? 0 },
        duty: duty?.rung ?? 'chosen',
        ...switchboard.status(),
        shadows: beside.map(({ shadow, sinceMs }) => describeShadow(shadow, sinceMs)),
        ...(duty?.slowdowns && { slowdowns: duty.slowdowns }),
        totals,
        ...(run && { fuel: run.fuel }),
        ...(fault && { fault: { code: fault.code, message: fault.message } }),
      };
    },
    async stop() {
      stopping.abort();
      // One that waits for a dead process is not waited for: closing its ends makes it fail.
      const overdue = new AbortController();
      await Promise.race([ended, clock.sleep(stopMsMax, overdue.signal)]);
      overdue.abort();
      await switchboard.close();
      await Promise.all([engine.close(), ...ends]);
      await ended;
    },
  };
}
