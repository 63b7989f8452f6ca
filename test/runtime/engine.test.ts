import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createExecutor } from '../../executor/create-executor.ts';
import { createSimulatedMachine } from '../../executor/kernel-simulated.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { OwnerRef } from '../../executor/plan.ts';
import { failure, success } from '../../executor/result.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { createEngine } from '../../runtime/engine.ts';
import type { EpochReport } from '../../runtime/epoch-report.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { buildPolicy } from '../../runtime/policy/build/index.ts';
import { loadPolicy } from '../../runtime/policy/load.ts';
import type { TelemetrySource } from '../../runtime/telemetry/source.ts';
import { sampleOf } from './samples.ts';

const PAGES = 8;
let component: Uint8Array;

beforeAll(async () => {
  const file = path.join(packageRoot, 'test/fixtures/policies/rogue.ts');
  const built = await buildPolicy({ root: packageRoot, file, target: 'simd' });
  if (!built.ok) throw new Error(built.message);
  component = built.value.component;
}, 60_000);

/** Two nodes, one process of eight pages on the fast one, and what a sensor would see of it. */
async function createScene(settings: { mode?: string; place?: number } = {}) {
  const node = (id: number, capacityPages: number) => ({
    node: id,
    tier: id,
    hasCpus: id === 0,
    capacityPages,
    latencyNs: 100 + id,
    bandwidthMib: 0,
  });
  const machine = createSimulatedMachine({ nodes: [node(0, 100), node(1, 100)] });
  const owner = machine.spawn();
  const pages = Float64Array.from({ length: PAGES }, (_, i) => 64 + i);
  machine.touchMany(owner, pages);
  const limits = parseLimits({
    scopes: { all: { members: { kind: 'uid', uid: 0 }, nodes: { 0: {}, 1: {} }, pagesPerEpochMax: 100 } },
    headroomPagesMax: 10,
    backends: ['move_pages'],
    callLatencyTargetMs: 20,
    journal: { bytesMax: 65_536 },
  });
  if (!limits.ok) throw new Error(limits.message);
  const journal = { append: () => success(undefined), close() {} };
  const executor = createExecutor({
    kernel: machine.kernel,
    limits: limits.value,
    journal,
    clock: { nowMs: () => 0 },
  });
  const limitsOfHost = { epochDeadlineMs: 500, fuelPerEpoch: Infinity };
  const policy = await loadPolicy({ policy: component, settings, limits: limitsOfHost });
  if (!policy.ok) throw new Error(policy.message);
  const source = watch(owner, () => machine.nodesOf(owner, pages));
  const engine = createEngine({ source, policy: policy.value, executor, scope: 'all' });
  return { machine, owner, engine, nodes: () => [...new Set(machine.nodesOf(owner, pages))] };
}

function watch(owner: OwnerRef, nodes: () => Int16Array): TelemetrySource {
  let epoch = 0;
  return {
    async next() {
      epoch++;
      if (epoch === 5) return failure('sensor-failed', 'the sensor had a bad moment');
      // The last page is gone from epoch 2 on, so that there is a hole.
      const rows = Array.from(nodes().slice(0, epoch === 1 ? PAGES : PAGES - 1), (node, i) => ({
        owner: 0,
        page: 64 + i,
        node: node & 255,
      }));
      return success(sampleOf(rows, [owner]));
    },
    async close() {},
  };
}

function verdicts({ outcome }: EpochReport): number[] {
  return [...new Set(outcome?.verdicts)];
}

describe('engine', () => {
  test('a wish becomes a move, and the policy reads what became of it', async () => {
    const { engine, nodes } = await createScene();
    const first = await engine.step();
    expect(verdicts(first)).toEqual([VERDICT.moved]);
    expect(first.outcome?.flows).toEqual([{ from: 0, to: 1, pages: PAGES }]);
    expect(nodes()).toEqual([1]);
    const second = await engine.step();
    expect(verdicts(second)).toEqual([VERDICT['in-place']]);
    expect(second.snapshot?.columns.pages).toEqual(Uint32Array.of(1, 1, 1, 1, 1, 1, 1, 0));
    await engine.close();
  });

  test.each([
    ['trap', 'policy-trapped'],
    ['loop', 'policy-overran'],
    ['out-of-range', 'plan-region-out-of-range'],
    ['twice', 'plan-region-twice'],
    ['hole', 'plan-region-dead'],
    ['no-such-place', 'plan-place-out-of-range'],
  ])('%s: nothing moves in that epoch, the code is %s, and the loop goes on', async (mode, code) => {
    const { engine, machine, owner, nodes } = await createScene({ mode });
    await engine.step();
    for (let page = 64; page < 64 + PAGES; page++) machine.place(owner, page, 0);
    const second = await engine.step();
    expect(second.fault).toMatchObject({ code });
    expect(second.fault?.message).not.toMatch(/\n/);
    expect(nodes()).toEqual([0]);
    const third = await engine.step();
    expect(third.fault).toBeUndefined();
    expect(third.outcome?.flows).toEqual([{ from: 0, to: 1, pages: PAGES - 1 }]);
    await engine.close();
  });

  test('a process that exits is told entry by entry; a sensor that fails ends one epoch', async () => {
    const { engine, machine, owner } = await createScene();
    await engine.step();
    machine.exit(owner);
    expect(verdicts(await engine.step())).toEqual([VERDICT['owner-gone']]);
    await engine.step();
    await engine.step();
    expect((await engine.step()).fault).toMatchObject({ code: 'sensor-failed' });
    expect(verdicts(await engine.step())).toEqual([VERDICT['owner-gone']]);
    await engine.close();
  });
});
