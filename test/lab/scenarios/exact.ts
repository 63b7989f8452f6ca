import type { Expectation, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

/** The outcome says what the processes themselves learn from the kernel, to the page and to the flow. */
const exact = (name: string): Expectation[] => [
  none(`${name}.disagreements`),
  none(`${name}.flowDisagreements`),
];

/** Beside that the contents are whole, and the kernel migrated nothing that the outcome does not own up to. */
const exactAndWhole = (name: string): Expectation[] => [
  ...exact(name),
  none(`${name}.badPages`),
  none(`${name}.migratedBeyond`),
];

export const exactScenario: Scenario = {
  name: 'exact',
  description:
    'outcomes against ground truth: full node, pinned, shared, huge, bound, absent and exiting memory',
  driver: 'exact',
  kernels: ['6.12', 'own'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: ['kinds'],
  limits: {
    scopes: {
      workload: {
        members: { kind: 'cgroup', path: '/workload' },
        nodes: { 0: {}, 1: {}, 2: {} },
        pagesPerEpochMax: 1_000_000,
      },
    },
    // Long calls, so that a node fills up and a process dies in the middle of one.
    callLatencyTargetMs: 1_000,
  },
  parameters: {},
  expectations: [
    ...exactAndWhole('plain'),
    exactly('plain.moved', 2048),
    ...exactAndWhole('again'),
    exactly('again.in-place', 2048),

    // The bare call answers "one failed", writes no status at all, and has moved 63 pages.
    exactly('pinned.raw.movedPages', 63),
    exactly('pinned.raw.falsePages', 63),
    ...exactAndWhole('pinned'),
    exactly('pinned.moved', 63),
    exactly('pinned.busy', 1),

    ...exact('shared'),
    exactly('shared.shared', 64),
    ...exactAndWhole('unshared'),
    exactly('unshared.moved', 64),

    // 512 addresses of one folio: it moves once, and one of them is answered "busy".
    exactly('huge.raw.movedPages', 512),
    exactly('huge.raw.falsePages', 1),
    ...exactAndWhole('huge'),
    exactly('huge.saidMovedPages', 1024),
    exactly('huge.moved', 2),
    exactly('huge.partial-huge', 1),
    exactly('huge.duplicate', 1),

    ...exactAndWhole('mlocked'),
    exactly('mlocked.mlocked', 64),
    ...exactAndWhole('bound'),
    exactly('bound.policy-bound', 64),
    ...exactAndWhole('hugetlb'),
    exactly('hugetlb.hugetlb', 1),
    ...exact('untouched'),
    exactly('untouched.not-present', 64),
    ...exact('zero'),
    exactly('zero.saidMovedPages', 0),

    ...exactAndWhole('forbidden'),
    exactly('forbidden.moved', 1),
    exactly('forbidden.target-unknown', 1),
    exactly('forbidden.target-forbidden', 1),
    exactly('forbidden.out-of-scope', 64),
    exactly('forbidden.owner-gone', 1),

    none('exit.survivor.disagreements'),
    exactly('exit.survivor.moved', 2048),
    none('exit.victim.undecided'),
    none('exit.victim.saidBeyondKernel'),
    { fact: 'exit.victim.notMoved', min: 1 },

    ...exactAndWhole('race'),
    { fact: 'race.moved', min: 1 },
    { fact: 'race.no-room', min: 1 },

    ...exactAndWhole('brim'),
    { fact: 'brim.moved', min: 1 },
    { fact: 'brim.no-room', min: 1 },
    { fact: 'brim.raw.movedPages', min: 1 },
    { fact: 'brim.raw.falsePages', min: 1 },
  ],
  timeoutMs: 180_000,
};
