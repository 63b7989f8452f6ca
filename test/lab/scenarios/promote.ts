import type { Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';
import { MOVE_PHYS_PAGES } from './frame-backends.ts';

const HOT_PAGES = 16_384;
const COLD_PAGES = 49_152;
/** Hot pages go up; at half time as many come down and as many others go up. */
const FEWEST_MOVES = 3 * HOT_PAGES;
const FAST_PAGES_MAX = 24_576;

function makeScenario(
  name: string,
  description: string,
  driver: 'promote' | 'virtual',
  backend: object,
  mixed: 0 | 1,
): Scenario {
  return {
    ...{ name, description, driver, kernels: ['own'], kernelArguments: [], topology: FOUR_NODES },
    // Heat weighs latencies against the measured cost of moves: on the host's clock, a busy host would decide.
    clock: 'instructions',
    workloads: ['pages', 'kinds'],
    policy: 'heat',
    settings: { halfLife: 4 },
    limits: {
      scopes: {
        workload: {
          members: { kind: 'cgroup', path: '/workload' },
          nodes: { 0: { pagesMax: FAST_PAGES_MAX }, 1: {} },
          pagesPerEpochMax: 16_384,
        },
      },
      ...backend,
    },
    parameters: {
      ...{ hotPages: HOT_PAGES, coldPages: COLD_PAGES, startNode: 1 },
      ...{ epochsPerHalf: 18, horizon: 10, mixed },
    },
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
    timeoutMs: 300_000,
  };
}

export const promote = makeScenario(
  'promote',
  'virtual by frames alone: heat over idle bits, of two hot pages one only read, moved by move_pages',
  'promote',
  {},
  1,
);

export const promoteDirect = makeScenario(
  'promote-direct',
  'the same, all pages written, moved by move_phys_pages',
  'promote',
  MOVE_PHYS_PAGES,
  0,
);

/** For comparison with `promote-direct`, epoch by epoch. */
export const promoteKnown = makeScenario(
  'promote-known',
  'the workload of promote-direct, decided with process knowledge: heat over soft-dirty writes',
  'virtual',
  {},
  0,
);
