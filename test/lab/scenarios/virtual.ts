import type { Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const HOT_PAGES = 16_384;
const COLD_PAGES = 49_152;
/** Hot pages go up; at half time as many come down and as many others go up. */
const FEWEST_MOVES = 3 * HOT_PAGES;
const FAST_PAGES_MAX = 24_576;

export const virtualScenario: Scenario = {
  name: 'virtual',
  description:
    'heat over soft-dirty writes: 64 MiB hot among 192 MiB cold, other 64 MiB at half time, 96 MiB allowed',
  driver: 'virtual',
  kernels: ['6.12'],
  kernelArguments: [],
  topology: FOUR_NODES,
  // Heat weighs latencies against the measured cost of moves: on the host's clock, a busy host would decide.
  clock: 'instructions',
  workloads: ['pages', 'kinds'],
  policy: 'heat',
  settings: { halfLife: 8 },
  limits: {
    scopes: {
      workload: {
        members: { kind: 'cgroup', path: '/workload' },
        nodes: { 0: { pagesMax: FAST_PAGES_MAX }, 1: {} },
        pagesPerEpochMax: 16_384,
      },
    },
  },
  parameters: { hotPages: HOT_PAGES, coldPages: COLD_PAGES, startNode: 1, epochsPerHalf: 36, horizon: 10 },
  expectations: [
    { fact: 'processes', min: 3, max: 3 },
    { fact: 'roomAtStart', min: FAST_PAGES_MAX - 1_024, max: FAST_PAGES_MAX },
    { fact: 'first.hotOnFast', min: 0.95 },
    { fact: 'first.coldOnFast', max: 0.05 },
    { fact: 'second.hotOnFast', min: 0.95 },
    { fact: 'second.coldOnFast', max: 0.05 },
    { fact: 'movedPages', min: Math.ceil(FEWEST_MOVES * 0.95), max: Math.floor(FEWEST_MOVES * 1.3) },
    { fact: 'migratedBeyond', min: 0, max: 0 },
    { fact: 'fastPagesMax', max: FAST_PAGES_MAX },
    { fact: 'badPages', min: 0, max: 0 },
  ],
  timeoutMs: 240_000,
};
