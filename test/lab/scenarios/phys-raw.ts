import type { Expectation, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

export const physRaw: Scenario = {
  name: 'phys-raw',
  description: 'move_phys_pages through its binding, case by case, and the idle page bitmap, to the page',
  driver: 'phys-raw',
  kernels: ['own'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: ['kinds'],
  parameters: { syscallNumber: 480 },
  expectations: [
    none('query.disagreements'),

    none('move.returned'),
    ...['move.said', 'move.migrated', 'move.true', 'again.said'].map((fact) => exactly(fact, 512)),
    none('again.migrated'),
    exactly('alternating.migrated', 512),
    none('alternating.wrong'),
    none('alternating.lies'),
    exactly('twice.moved', 1),
    exactly('twice.busy', 1),
    none('move.badPages'),

    ...['thp', 'hugetlb'].flatMap((kind) => [
      exactly(`${kind}.tailAbsent`, 1),
      exactly(`${kind}.tailRefused`, 1),
      exactly(`${kind}.headMoved`, 1),
      exactly(`${kind}.pagesMoved`, 512),
      exactly(`${kind}.contiguous`, 512),
    ]),

    // Free, slab, the zero page, kernel text, two beyond memory.
    exactly('absent.queried', 6),
    exactly('absent.refused', 6),
    none('absent.migrated'),
    none('absent.returned'),

    exactly('shared.refused', 64),
    none('shared.migrated'),
    exactly('shared.moved', 64),
    exactly('shared.true', 64),
    exactly('copied.moved', 64),
    none('shared.badPages'),

    exactly('pinned.returned', 1),
    exactly('pinned.moved', 63),
    exactly('pinned.busyIsThePinned', 1),
    none('pinned.lies'),

    exactly('unknown.refused', 3),
    none('unknown.migrated'),

    { fact: 'full.moved', min: 1 },
    { fact: 'full.noRoom', min: 1 },
    none('full.unsaid'),
    none('full.lies'),
    none('full.returnedBeyond'),
    none('full.badPages'),

    { fact: 'fullHuge.moved', min: 1 },
    { fact: 'fullHuge.stayed', min: 1 },
    none('fullHuge.lies'),
    none('fullHuge.badPages'),

    exactly('cpuset.refused', 64),
    none('cpuset.migrated'),
    exactly('cpuset.allowed', 64),

    exactly('unprivileged.refused', 2),
    none('unprivileged.written'),
    exactly('unprivileged.told', 1),
    exactly('elsewhere.told', 1),

    exactly('unusable.refused', 8),
    none('longest.answered'),
    exactly('longer.refused', 7),

    exactly('idle.set', 512),
    none('idle.wrong'),

    none('storm.strange'),
    none('storm.badPages'),
    none('kernel.tainted'),
  ],
  timeoutMs: 240_000,
};
