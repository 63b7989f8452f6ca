import type { Expectation, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

const MEMORY_MIB = 192;
const STEP_MIB = 32;

/** Nothing of any host is left, and what is not a host's still is. */
const nothingLeft = (after: string): Expectation[] => [
  none(`${after}.processes`),
  none(`${after}.cgroups`),
  none(`${after}.files`),
];

export const confined: Scenario = {
  name: 'confined',
  description:
    'the launcher with cgroups: a host held by every belt, one ended for want of memory, deaths of runtime and launcher',
  driver: 'confined',
  kernels: ['6.12'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: [],
  fixtures: ['hungry', 'rogue'],
  parameters: { memoryMib: MEMORY_MIB, pidsMax: 32, stepMib: STEP_MIB },
  expectations: [
    { fact: 'heat.moves', min: 1 },
    exactly('heat.host.processes', 1),
    exactly('heat.host.uid', 600_000),
    none('heat.host.otherIds'),
    none('heat.host.groups'),
    none('heat.host.capabilities'),
    exactly('heat.host.noNewPrivileges', 1),
    exactly('heat.host.seccomp', 2),
    exactly('heat.host.memoryMib', MEMORY_MIB),
    exactly('heat.host.pidsMax', 32),
    { fact: 'heat.host.pids', min: 1, max: 32 },
    exactly('beltsHeld', 7),
    none('runtime.capabilities'),
    exactly('runtime.maySignalHost', 0),
    exactly('stranger.refused', 1),

    // Its maximum of Wasm memory is a GiB; Node itself takes a part of the group's.
    { fact: 'hungry.epochs', min: 1, max: MEMORY_MIB / STEP_MIB },
    exactly('hungry.failed', 1),
    exactly('hungry.saidWhy', 1),
    { fact: 'hungry.peakMib', min: MEMORY_MIB / 2, max: MEMORY_MIB },
    exactly('hungry.fresh', 1),
    exactly('hungry.otherStands', 1),

    exactly('spinning.processes', 3),
    ...nothingLeft('runtimeKilled'),
    exactly('again.processes', 1),
    none('launcherKilled.processes'),
    exactly('launcherKilled.cgroups', 1),
    ...nothingLeft('launcherRestarted'),
    ...nothingLeft('launcherEnded'),
    none('socket.left'),
    exactly('cgroupAbsent.reported', 1),
    { fact: 'cgroupAbsent.beltsHeld', min: 6, max: 6 },
  ],
  timeoutMs: 300_000,
};
