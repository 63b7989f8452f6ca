import type { Expectation, KernelName, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';
import { MOVE_PHYS_PAGES } from './frame-backends.ts';

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);
const some = (fact: string): Expectation => ({ fact, min: 1 });

/** The outcome says what the processes themselves know, to the page, to the flow and to the frame. */
const exact = (name: string): Expectation[] => [
  none(`${name}.disagreements`),
  none(`${name}.flowDisagreements`),
  none(`${name}.frameDisagreements`),
];

/** Beside that the contents are whole, and the kernel migrated nothing that the outcome does not own up to. */
const exactAndWhole = (name: string): Expectation[] => [
  ...exact(name),
  none(`${name}.badPages`),
  none(`${name}.migratedBeyond`),
];

const all = (name: string, verdict: string, entries: number): Expectation[] => [
  ...exactAndWhole(name),
  exactly(`${name}.${verdict}`, entries),
];

const EXPECTATIONS: readonly Expectation[] = [
  ...all('plain', 'moved', 2048),
  ...all('again', 'in-place', 2048),
  ...exactAndWhole('left'),
  none('left.saidMovedPages'),

  ...all('pinned', 'moved', 63),
  exactly('pinned.busy', 1),

  ...all('shared', 'shared', 64),
  ...all('family', 'moved', 64),
  ...all('abroad', 'out-of-scope', 64),
  ...all('unshared', 'moved', 64),

  ...all('ksm', 'shared', 64),
  ...all('ksmFamily', 'moved', 64),
  ...all('ksmAbroad', 'out-of-scope', 64),

  ...all('huge', 'moved', 2),
  exactly('huge.saidMovedPages', 1024),
  exactly('huge.partial-huge', 2),
  exactly('huge.duplicate', 1),
  ...all('hugeRounded', 'moved', 2),
  exactly('hugeRounded.saidMovedPages', 1024),

  ...all('mlocked', 'mlocked', 64),
  ...all('mlockedAllowed', 'moved', 64),
  ...all('bound', 'policy-bound', 64),
  ...all('boundAllowed', 'moved', 64),
  ...all('hugetlb', 'hugetlb', 1),
  ...all('hugetlbAllowed', 'moved', 1),
  exactly('hugetlbAllowed.saidMovedPages', 512),
  ...all('cpuset', 'cpuset', 64),

  ...all('cacheMapped', 'moved', 64),
  ...exact('cacheUnmapped'),
  exactly('cacheUnmapped.not-present', 64),

  ...exact('freed'),
  none('freed.saidMovedPages'),
  ...exactAndWhole('reused'),
  some('reused.moved'),
  some('reused.out-of-scope'),
  ...exact('nobody'),
  none('nobody.saidMovedPages'),
  none('nobody.migratedBeyond'),
  exactly('nobody.free', 1),
  exactly('nobody.kernel-memory', 2),
  exactly('nobody.offline', 1),
  ...exact('poisoned'),
  exactly('poisoned.poisoned', 2),
  exactly('poisoned.moved', 62),
  none('poisoned.badPages'),
  ...exact('offline'),
  exactly('offline.offline', 3),

  exactly('unplugged.stale', 1),
  none('unplugged.migrated'),
  ...all('gone', 'target-unknown', 64),
  ...all('unaffected', 'moved', 64),
  ...all('back', 'moved', 64),

  ...exactAndWhole('full'),
  some('full.moved'),
  some('full.no-room'),
];

const NODES = { 0: {}, 1: {}, 2: {}, 3: {} };
const members = { kind: 'cgroup', path: '/workload' };

function makeScenario(
  name: string,
  description: string,
  kernels: readonly [KernelName, ...KernelName[]],
  backend: object,
): Scenario {
  return {
    ...{ name, description, driver: 'exact-phys', kernels, kernelArguments: [], topology: FOUR_NODES },
    clock: 'host',
    workloads: ['kinds'],
    limits: {
      scopes: { workload: { members, nodes: NODES, pagesPerEpochMax: 1_000_000 } },
      callLatencyTargetMs: 1_000,
      ...backend,
    },
    parameters: {},
    expectations: EXPECTATIONS,
    timeoutMs: 180_000,
  };
}

export const exactPhys = makeScenario(
  'exact-phys',
  'plans of frames against ground truth: shared, merged, huge, cached, freed, reused, poisoned, offline',
  ['6.12', 'own'],
  {},
);

export const exactPhysDirect = makeScenario(
  'exact-phys-direct',
  'the same, carried out by move_phys_pages',
  ['own'],
  MOVE_PHYS_PAGES,
);
