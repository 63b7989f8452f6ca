import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DEFAULT_COST_MODEL } from '../../../runtime/cost-model.ts';
import type { Settings } from '../../../runtime/contract.ts';
import type { StepReport } from '../../../runtime/engine.ts';
import type { Decision } from '../../../runtime/govern/decision.ts';
import { createDecisionFile } from '../../../runtime/govern/decision-log.ts';
import { hashSettings } from '../../../runtime/govern/hashes.ts';
import { packageRoot } from '../../../runtime/package-root.ts';
import { buildPolicy } from '../../../runtime/policy/build/index.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import { openPolicy } from '../../../runtime/policy/open.ts';
import type { Policy } from '../../../runtime/policy/policy.ts';
import { createDryRun, DRY_RUN_DEFAULTS, type DryRunOptions } from '../../../runtime/simulate/dry-run.ts';
import { BUNDLED_TRACE, loadTrace } from '../../../runtime/trace/load.ts';
import type { Trace } from '../../../runtime/trace/trace.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'terrace-governor-'));
afterAll(() => rmSync(folder, { recursive: true }));

const redis = expectValue(loadTrace(BUNDLED_TRACE));
const redisFor = (epochs: number): Trace => ({ ...redis, epochs: redis.epochs.slice(0, epochs) });

function expectValue<T>(result: { ok: true; value: T } | { ok: false; message: string }): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

const components = new Map<string, Uint8Array>();
/** A policy of the fixtures, in a host of its own. */
async function open(name: string, settings: Settings = {}): Promise<Policy> {
  if (!components.has(name)) {
    const file = path.join(packageRoot, `test/fixtures/policies/${name}.ts`);
    components.set(
      name,
      expectValue(await buildPolicy({ root: packageRoot, file, target: 'simd' })).component,
    );
  }
  return expectValue(await loadPolicy({ policy: components.get(name)!, settings }));
}

/** Every epoch of a dry run, and what it came to. */
async function replay(options: Pick<DryRunOptions, 'policy' | 'trace'> & Partial<DryRunOptions>) {
  const run = createDryRun({ ...DRY_RUN_DEFAULTS, cost: DEFAULT_COST_MODEL, ...options });
  const reports: StepReport[] = [];
  for (let report = await run.step(); report; report = await run.step()) reports.push(report);
  const totals = run.totals();
  await run.close();
  return { reports, totals };
}

/** `chosen 3, hold 2, …` */
function story(reports: readonly { readonly duty: { readonly rung: string } }[]): string {
  const runs: { rung: string; epochs: number }[] = [];
  for (const { duty } of reports) {
    if (runs.at(-1)?.rung === duty.rung) runs.at(-1)!.epochs++;
    else runs.push({ rung: duty.rung, epochs: 1 });
  }
  return runs.map(({ rung, epochs }) => `${rung} ${epochs}`).join(', ');
}

const LIMITS = { failedEpochsMax: 3, retryEpochsMin: 4, retryEpochsMax: 8, recoveredEpochs: 40 };

describe('a policy that fails', () => {
  test('gives way to the last good one, then to hold, and is retried with back-off; the log tells it all', async () => {
    const file = path.join(folder, 'story.jsonl');
    const { reports } = await replay({
      trace: redisFor(40),
      policy: await open('moody', { from: 5, to: 25 }),
      lastGood: await open('moody', { from: 8, to: 10 }),
      limits: LIMITS,
      decisions: createDecisionFile({ path: file }),
    });
    // One traps in 5, 6, 7, the other in 8, 9, 10; each is back after 4 epochs, and the first again after 8 and 8.
    expect(story(reports)).toBe(
      'chosen 7, last-good 3, hold 1, chosen 1, hold 2, last-good 6, chosen 1, last-good 8, chosen 11',
    );
    for (const { fault, outcome } of reports) if (fault) expect(outcome).toBeUndefined();

    const lines: Decision[] = readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    expect(lines.slice(0, 40).map(({ epoch }) => epoch)).toEqual(reports.map(({ epoch }) => epoch));
    expect(lines[3]).toMatchObject({
      rung: 'chosen',
      policy: { name: 'moody', digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
      settingsHash: hashSettings({ from: 5, to: 25 }),
      inputHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      plan: { hash: expect.stringMatching(/^[0-9a-f]{64}$/), entries: 4, invalid: 0 },
      verdicts: { 'in-place': 4 },
      slowdowns: { policy: expect.any(Number), hold: expect.any(Number) },
    });
    expect(lines[3].fault).toBeUndefined();
    expect(lines[4]).toMatchObject({
      fault: { code: 'policy-trapped' },
      log: [{ message: 'in a bad mood' }],
    });
    expect(lines[4].inputHash).toMatch(/^[0-9a-f]{64}$/);
    expect([lines[4].plan, lines[4].verdicts, lines[4].change]).toEqual([undefined, undefined, undefined]);
    const changes = lines.flatMap(({ epoch, change }) => (change ? [{ epoch, ...change }] : []));
    expect(changes.slice(0, 5)).toEqual([
      { epoch: 7, to: 'last-good', reason: 'failed', waitEpochs: 4 },
      { epoch: 10, to: 'hold', reason: 'failed', waitEpochs: 4 },
      { epoch: 11, to: 'chosen', reason: 'retried', waitEpochs: 0 },
      { epoch: 12, to: 'hold', reason: 'failed', waitEpochs: 8 },
      { epoch: 14, to: 'last-good', reason: 'retried', waitEpochs: 0 },
    ]);
    const held = lines[10];
    expect(held).toMatchObject({ rung: 'hold', policy: { name: 'hold', digest: '' }, plan: { entries: 0 } });
    expect(held.fault).toBeUndefined();
  }, 60_000);

  test('and comes back is told to forget, and shown no verdicts of another', async () => {
    const { reports } = await replay({
      trace: redisFor(20),
      policy: await open('moody', { from: 5, to: 7 }),
      lastGood: await open('moody'),
      limits: LIMITS,
    });
    expect(story(reports)).toBe('chosen 7, last-good 4, chosen 9');
    const wish = (epoch: number, id: number) =>
      reports[epoch - 1].evaluation?.plan.wishes.find((each) => each.id === id)?.value;
    expect([wish(4, 3), wish(8, 3), wish(11, 3), wish(12, 3), wish(13, 3)]).toEqual([4, 0, 4, 0, 4]);
    for (const epoch of [8, 12]) expect([wish(epoch, 1), wish(epoch, 2)]).toEqual([1, 4]);
    expect(wish(13, 2)).not.toBe(4);
  }, 60_000);
});

describe('the harm breaker', () => {
  test('stops a policy that makes things worse, says so, and lets it try again after longer and longer', async () => {
    const policy = await open('worse');
    const { reports, totals } = await replay({ trace: redis, policy });
    const harmful = reports.filter(({ fault }) => fault?.code === 'policy-harmful');
    expect(harmful.length).toBeGreaterThan(0);
    for (const { outcome, duty } of harmful) {
      expect(outcome).toBeUndefined();
      expect(duty.change).toMatchObject({ to: 'hold', reason: 'harmful' });
    }
    expect(harmful[0].fault?.message).toMatch(
      /^under worse the last 32 epochs are slowed down \d\.\d+ times, under hold \d/,
    );
    expect(totals.stoodIn).toBeGreaterThan(0);
    const held = reports.filter(({ duty }) => duty.rung === 'hold');
    for (const { outcome } of held) expect(outcome?.verdicts).toHaveLength(0);
    const longer = await replay({ trace: redis, policy: await open('worse'), limits: { harmEpochs: 8 } });
    const waits = longer.reports.flatMap(({ duty }) =>
      duty.change?.reason === 'harmful' ? [duty.change.waitEpochs] : [],
    );
    expect(waits.slice(0, 2)).toEqual([16, 32]);
  }, 60_000);

  test.each([1, 2, 3])(
    'never stops heat (seed %i), and its hold is what a run under hold comes to',
    async (seed) => {
      const heat = await replay({ trace: redis, policy: expectValue(await openPolicy('heat', {})), seed });
      expect(heat.reports.filter(({ duty }) => duty.change)).toEqual([]);
      const hold = await replay({ trace: redis, policy: expectValue(await openPolicy('hold', {})), seed });
      hold.reports.forEach(({ duty }, epoch) => {
        const modelled = heat.reports[epoch].duty.slowdowns!.hold;
        expect(Math.abs(modelled / duty.slowdowns!.policy - 1)).toBeLessThan(0.02);
        expect(duty.slowdowns!.hold).toBeCloseTo(duty.slowdowns!.policy, 9);
      });
    },
    60_000,
  );
});

test('a decision log that cannot be written is told, and stops nothing', async () => {
  const { reports } = await replay({
    trace: redisFor(3),
    policy: await open('moody'),
    decisions: createDecisionFile({ path: path.join(folder, 'nowhere', 'log') }),
  });
  for (const { fault, logFault } of reports) {
    expect(fault).toBeUndefined();
    expect(logFault).toMatchObject({ code: 'decision-log-unwritable' });
  }
}, 60_000);
