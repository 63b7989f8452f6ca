import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Result } from '../../../executor/result.ts';
import type { PolicyStatus, SwitchStatus } from '../../../runtime/control/status.ts';
import { createEngine, type Engine, type StepReport } from '../../../runtime/engine.ts';
import type { Decision } from '../../../runtime/govern/decision.ts';
import { createDecisionFile } from '../../../runtime/govern/decision-log.ts';
import type { GovernLimits } from '../../../runtime/govern/governor.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import { createSwitchboard, type Switchboard } from '../../../runtime/reload/switchboard.ts';
import { until } from '../../daemon/daemon-process.ts';
import { createTwoTier, populate } from '../../executor/two-tier.ts';
import { sampleOf } from '../samples.ts';

const PAGES = 64;
const FAST_PAGES = 16;
const HOT_PAGES = 8;
const HOT_ACCESSES = 1_000_000;

export interface Stage {
  readonly engine: Engine;
  readonly switchboard: Switchboard;
  /** How each switch, and each way back, ended. */
  readonly ends: readonly SwitchStatus[];
  /** Begins a switch; resolves when its policy stands, or does not. */
  begin(policy: Promise<Result<HostedPolicy>>, trialEpochs: number, named?: string): Promise<void>;
  /** One epoch, after which whoever is tried has answered; `patient: false` = or has not. */
  epoch(options?: { readonly patient: boolean }): Promise<StepReport>;
  epochs(count: number): Promise<StepReport[]>;
  decisions(): readonly Decision[];
  close(): Promise<void>;
}

/** An engine over a simulated machine, whose first policy decides; pages that are hot are on the fast node at first. */
export function openStage(first: HostedPolicy, limits: Partial<GovernLimits> = {}): Stage {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrace-switchboard-'));
  const file = path.join(folder, 'decisions.jsonl');
  const two = createTwoTier({ scope: { members: { kind: 'uid', uid: 0 } } });
  populate(two, 0, FAST_PAGES, 0);
  populate(two, FAST_PAGES, PAGES - FAST_PAGES, 1);
  const pages = Float64Array.from({ length: PAGES }, (_, page) => page);
  const rows = () =>
    Array.from(two.machine.nodesOf(two.owner, pages), (node, page) => ({
      ...{ owner: 0, page, node },
      accesses: page < HOT_PAGES ? HOT_ACCESSES : 0,
    }));
  const engine = createEngine({
    source: {
      next: async () => ({ ok: true, value: sampleOf(rows(), [two.owner]) }),
      close: async () => {},
    },
    ...{ policy: first, executor: two.executor, scope: 'all', limits },
    decisions: createDecisionFile({ path: file }),
  });
  const ends: SwitchStatus[] = [];
  let nowMs = 0;
  const switchboard = createSwitchboard({ engine, nowMs: () => nowMs, onEnd: (end) => ends.push(end) });
  let shown = 0;

  /** Whether the one that is tried, if there is one, has done with all it was shown. */
  function isDone(): boolean {
    const { shadow } = switchboard.status().trial ?? {};
    return !shadow || shadow.epochs + shadow.missed + shadow.failed >= shown;
  }

  async function epoch({ patient } = { patient: true }): Promise<StepReport> {
    nowMs++;
    switchboard.beforeEpoch();
    shown = switchboard.status().trial?.shadow ? shown + 1 : 0;
    const report = await engine.step();
    await switchboard.afterEpoch();
    if (patient) await until(isDone, 'whoever is tried has answered');
    return report;
  }

  return {
    ...{ engine, switchboard, ends, epoch },
    async begin(policy, trialEpochs, named = 'next') {
      switchboard.begin({ named, load: () => policy, trialEpochs });
      await policy;
    },
    async epochs(count) {
      const reports: StepReport[] = [];
      while (reports.length < count) reports.push(await epoch());
      return reports;
    },
    decisions: () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Decision),
    async close() {
      await switchboard.close();
      await engine.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** `counter 1.0.0 since 3`. */
export function inWords(policy: PolicyStatus | undefined): string | undefined {
  return policy && `${policy.name} ${policy.version} since ${policy.sinceMs}`;
}

/** What `counter` says of itself: epochs that it was shown, and that it missed. */
export function countsOf({ evaluation }: StepReport): readonly number[] | undefined {
  return evaluation?.plan.wishes.map(({ value }) => value);
}
