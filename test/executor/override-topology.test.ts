import { describe, expect, test } from 'vitest';
import { overrideTopology } from '../../executor/override-topology.ts';
import type { Topology } from '../../executor/topology.ts';
import { createTwoTier, expectValue, populate } from './two-tier.ts';

const figures = { hasCpus: false, capacity: 100, free: 50, watermark: 5, latencyNs: 0, bandwidthMib: 0 };
const kernels: Topology = {
  generation: 7,
  nodes: [
    { node: 0, tier: 0, ...figures },
    { node: 3, tier: 0, ...figures },
  ],
};

describe('overrides of the topology', () => {
  test('replace what they name and nothing else', () => {
    const corrected = overrideTopology(kernels, new Map([[3, { tier: 2, latencyNs: 900 }]]));
    expect(corrected.nodes).toEqual([kernels.nodes[0], { ...kernels.nodes[1], tier: 2, latencyNs: 900 }]);
  });

  test('none leave everything as it is', () => {
    expect(overrideTopology(kernels, new Map())).toBe(kernels);
  });

  test('wait for a node that is absent', () => {
    expect(overrideTopology(kernels, new Map([[9, { tier: 2 }]])).nodes).toEqual(kernels.nodes);
  });

  test('enter the generation, together with the kernel’s own', () => {
    const generation = (topology: Topology, tier: number) =>
      overrideTopology(topology, new Map([[3, { tier }]])).generation;
    const other = { ...kernels, generation: 8 };
    expect(generation(kernels, 1)).toBe(generation(kernels, 1));
    expect(new Set([7, generation(kernels, 1), generation(kernels, 2), generation(other, 1)]).size).toBe(4);
  });
});

test('an executor shows, checks and sorts by the corrected topology', async () => {
  const swapped = { topology: { '0': { tier: 1, bandwidthMib: 9 }, '1': { tier: 0, latencyNs: 30 } } };
  const two = createTwoTier({ limits: swapped });
  populate(two, 0, 4, 1);
  const budgets = expectValue(await two.executor.budgets('all'));
  expect(budgets.nodes).toMatchObject([
    { node: 0, tier: 1, bandwidthMib: 9 },
    { node: 1, tier: 0, latencyNs: 30 },
  ]);
  const plain = expectValue(await createTwoTier().executor.budgets('all'));
  expect(budgets.topologyGeneration).not.toBe(plain.topologyGeneration);
  const stale = await two.executor.submit(two.plan([{ page: 0, target: 0 }]));
  expect(stale).toMatchObject({ ok: false, code: 'stale-topology' });
  const plan = { ...two.plan([{ page: 0, target: 0 }]), topologyGeneration: budgets.topologyGeneration };
  expect(expectValue(await two.executor.submit(plan)).flows).toEqual([{ from: 1, to: 0, pages: 1 }]);
});
