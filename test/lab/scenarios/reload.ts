import type { Expectation, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const HOT_PAGES = 1024;
const COLD_PAGES = 1024;
const HARM_EPOCHS = 6;

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

/** Every epoch has its line, and no hot page ever left. */
const undisturbed = (name: string): Expectation[] => [
  none(`${name}.missingEpochs`),
  exactly(`${name}.hotOnFastMin`, HOT_PAGES),
];

const swapped = (name: string): Expectation[] => [
  ...undisturbed(name),
  exactly(`${name}.switched`, 1),
  exactly(`${name}.tookOver`, 1),
  exactly(`${name}.otherSettings`, 1),
  exactly(`${name}.later`, 1),
  exactly(`${name}.formerKept`, 1),
  exactly(`${name}.entered`, 1),
  none(`${name}.failedEpochs`),
];

const refused = (name: string, why: 'harmful' | 'trapped'): Expectation[] => [
  ...undisturbed(name),
  exactly(`${name}.${why}`, 1),
  exactly(`${name}.activeStays`, 1),
  none(`${name}.failedEpochs`),
  // Of the active version, and of the one before.
  exactly(`${name}.hosts`, 2),
];

/** One that took over without a trial: so many epochs are its own, the last of them fails, heat has all others. */
const fallen = (name: string, epochs: number): Expectation[] => [
  none(`${name}.missingEpochs`),
  exactly(`${name}.epochs`, epochs),
  exactly(`${name}.fault`, 1),
  exactly(`${name}.failedEpochs`, 1),
  exactly(`${name}.fallsBack`, 1),
  { fact: `${name}.heatEpochsAfter`, min: 4 },
  none(`${name}.strangers`),
  ...undisturbed(`${name}.wayBack`),
  exactly(`${name}.wayBack.done`, 1),
  none(`${name}.wayBack.failedEpochs`),
];

const restarted = (name: string): Expectation[] => [
  ...undisturbed(name),
  exactly(`${name}.restarted`, 1),
  { fact: `${name}.failedEpochs`, min: 1 },
  none(`${name}.otherFaults`),
  none(`${name}.othersDecide`),
  exactly(`${name}.activeStays`, 1),
];

export const reload: Scenario = {
  name: 'reload',
  description:
    'launcher, executor, sensor and daemon under a running workload: policies swapped, refused, falling back, deaths',
  driver: 'reload',
  kernels: ['6.12'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: ['pages'],
  fixtures: ['worse', 'moody', 'heat@brittle'],
  installed: true,
  limits: {
    scopes: {
      workload: {
        members: { kind: 'cgroup', path: '/workload' },
        // Room for all: heat settles once all are up.
        nodes: { 0: {}, 1: {} },
        pagesPerEpochMax: 16_384,
      },
    },
  },
  parameters: {
    ...{ hotPages: HOT_PAGES, coldPages: COLD_PAGES, startNode: 1 },
    // A write found stands for so many that moves cost next to nothing: what they take under emulation changes with
    // how busy the host is, and must not decide what heat does or who does harm.
    samplingPeriod: 100_000,
    ...{ epochMs: 500, trialEpochs: 4, harmEpochs: HARM_EPOCHS, retryEpochs: 1024 },
    ...{ hostMib: 256, pidsMax: 32 },
  },
  expectations: [
    exactly('promoted.hotOnFast', HOT_PAGES),
    exactly('processes', 3),
    ...swapped('byHand'),
    ...swapped('byFile'),
    ...refused('worseTried', 'harmful'),
    ...refused('brittle', 'trapped'),
    ...fallen('harm', HARM_EPOCHS),
    // It really was worse.
    { fact: 'harm.hotOnFastMin', max: HOT_PAGES / 20 },
    exactly('harm.mended', HOT_PAGES),
    ...fallen('moody', 1),
    exactly('moody.hotOnFastMin', HOT_PAGES),
    ...restarted('executorKilled'),
    ...restarted('sensorKilled'),
    exactly('settled.hosts', 1),
    none('daemonEnded.status'),
    none('daemonEnded.hosts'),
    none('daemonEnded.cgroups'),
    none('daemonEnded.control'),
    exactly('daemonEnded.services', 2),
    none('launcherEnded.status'),
    none('launcherEnded.processes'),
    none('launcherEnded.sockets'),
    none('badPages'),
  ],
  timeoutMs: 480_000,
};
