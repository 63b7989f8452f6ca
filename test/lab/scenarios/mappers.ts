import { MAPPER_KINDS } from '../guest/mapper-kinds.ts';
import type { Expectation, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

/** Of a kind whose huge pages are mapped in pieces by many, the walk leaves a few to the scan. */
const leftPart = 0.03;

/** Nobody says anything wrong; the scan and the finder answer all, the walk nearly all. */
const right = (kind: string): Expectation[] => [
  { fact: `${kind}.frames`, min: 1 },
  ...['scan', 'walk', 'find'].flatMap((way) => [
    none(`${kind}.${way}.wrong`),
    none(`${kind}.${way}.missing`),
  ]),
  none(`${kind}.scan.open`),
  none(`${kind}.find.open`),
  { fact: `${kind}.walk.openPart`, max: leftPart },
];

export const mappersScenario: Scenario = {
  name: 'mappers',
  description: 'who maps a frame: scan, walk and finder against the truth, for every kind of memory',
  driver: 'mappers',
  kernels: ['6.12'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: ['mappers', 'kinds'],
  parameters: { pages: 2_048, children: 3 },
  expectations: [
    ...MAPPER_KINDS.flatMap(right),
    { fact: 'ksm.sharedFrames', min: 1 },
    { fact: 'again.cached', min: 1 },
    none('again.wrong'),
    none('again.missing'),
    { fact: 'bound.rows', min: 1 },
    none('bound.rowsSaidFree'),
    none('bound.rowsBeyondCpuset'),
    none('plain.rowsSaidBound'),
    exactly('lockdown.integrityOpens', 1),
    exactly('lockdown.confidentialityRefuses', 1),
  ],
  timeoutMs: 240_000,
};
