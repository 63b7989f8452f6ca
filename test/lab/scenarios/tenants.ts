import type { Expectation, KernelName, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';
import { MOVE_PHYS_PAGES } from './frame-backends.ts';

const OWN_PAGES = 1024;
const COMMON_PAGES = 256;
const CACHED_PAGES = 128;

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

/** After a plan of one tenant: whose pages are at its target, every count true. */
const onlyOf = (name: string, tenant: 'a' | 'b'): Expectation[] => [
  none(`${name}.disagreements`),
  none(`${name}.flowDisagreements`),
  none(`${name}.frameDisagreements`),
  none(`${name}.migratedBeyond`),
  none(`${name}.badPages`),
  exactly(`${name}.saidMovedPages`, OWN_PAGES),
  exactly(`${name}.a.there`, tenant === 'a' ? OWN_PAGES : 0),
  exactly(`${name}.b.there`, tenant === 'b' ? OWN_PAGES : 0),
  none(`${name}.common.there`),
  none(`${name}.cached.there`),
];

const scope = (path: string): object => ({
  members: { kind: 'cgroup', path },
  nodes: { 0: {}, 1: {}, 2: {} },
  pagesPerEpochMax: 1_000_000,
});

function makeScenario(
  name: string,
  description: string,
  kernels: readonly [KernelName, ...KernelName[]],
  backend: object,
): Scenario {
  return {
    ...{ name, description, driver: 'tenants', kernels, kernelArguments: [], topology: FOUR_NODES },
    clock: 'host',
    workloads: ['kinds'],
    limits: { scopes: { a: scope('/tenant-a'), b: scope('/tenant-b') }, ...backend },
    parameters: {},
    expectations: [
      { fact: 'seams', min: 100 },
      ...onlyOf('plan', 'a'),
      exactly('plan.moved', OWN_PAGES),
      exactly('plan.out-of-scope', OWN_PAGES + COMMON_PAGES),
      exactly('plan.not-present', CACHED_PAGES),
      ...onlyOf('shared', 'a'),
      exactly('shared.moved', OWN_PAGES),
      exactly('shared.out-of-scope', OWN_PAGES + COMMON_PAGES),
      ...onlyOf('blocks', 'b'),
    ],
    timeoutMs: 120_000,
  };
}

export const tenants = makeScenario(
  'tenants',
  "two groups with interleaved frames and files in common; plans name all, and move their own scope's alone",
  ['6.12', 'own'],
  {},
);

export const tenantsDirect = makeScenario(
  'tenants-direct',
  'the same, carried out by move_phys_pages',
  ['own'],
  MOVE_PHYS_PAGES,
);
