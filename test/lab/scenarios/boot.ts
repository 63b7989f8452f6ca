import type { Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

/** The machine itself: what every other scenario takes for granted. */
export const boot: Scenario = {
  name: 'boot',
  description:
    'four nodes, three kernel tiers, Node with its FFI, soft-dirty; one workload counted and moved by hand',
  driver: 'boot',
  kernels: ['6.12', 'own'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: ['pages', 'kinds'],
  parameters: { hotPages: 256, coldPages: 768, startNode: 1 },
  expectations: [
    { fact: 'bootMs', max: 15_000 },
    { fact: 'nodes', min: 4, max: 4 },
    { fact: 'tiers', min: 3 },
    { fact: 'hotPagesOnStartNode', min: 256, max: 256 },
    { fact: 'coldPagesOnStartNode', min: 768, max: 768 },
    // Hot pages and a twentieth of the cold ones, to the page.
    { fact: 'dirtyPagesBeyondRound', min: 0, max: 0 },
    { fact: 'badPages', min: 0, max: 0 },
    { fact: 'rawMovedPages', min: 64, max: 64 },
  ],
  timeoutMs: 60_000,
};
