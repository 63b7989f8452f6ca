import type { Expectation, Scenario } from '../scenario.ts';
import { FOUR_NODES } from '../topology.ts';

const PLAIN_PAGES = 2_048;
const HUGE_FOLIOS = 4;
const exactly = (fact: string, value: number): Expectation => ({ fact, min: value, max: value });
const none = (fact: string): Expectation => exactly(fact, 0);

export const idle: Scenario = {
  name: 'idle',
  description:
    'the physical sensor against known touches, to the page: folios, blocks, a share, an unplugged node',
  driver: 'idle',
  kernels: ['own'],
  kernelArguments: [],
  topology: FOUR_NODES,
  clock: 'host',
  workloads: ['kinds'],
  parameters: { plainPages: PLAIN_PAGES, hugeFolios: HUGE_FOLIOS },
  expectations: [
    exactly('first.rows', PLAIN_PAGES + HUGE_FOLIOS + 64),
    none('first.covered'),
    none('first.onOtherNodes'),
    none('first.ofOthers'),
    exactly('first.huge', HUGE_FOLIOS),
    exactly('first.unmovable', 64),

    ...['untouched', 'touched', 'again'].flatMap((epoch) => [
      exactly(`${epoch}.covered`, PLAIN_PAGES + HUGE_FOLIOS + 64),
      none(`${epoch}.wrong`),
    ]),
    none('untouched.accesses'),
    { fact: 'touched.accesses', min: Math.floor(PLAIN_PAGES / 3) },

    // Frames of the unmapped half may serve the group again, but hardly all of them.
    { fact: 'unmapped.rows', max: PLAIN_PAGES / 32 },
    none('unmapped.wrong'),
    exactly('born.rows', 256),
    none('born.covered'),

    { fact: 'blocks.whole', min: 4 },
    none('blocks.wrong'),
    { fact: 'blocks.split', min: 1 },
    none('split.wrong'),

    exactly('sampled.blocksBeyond', 0),
    { fact: 'sampled.covered', min: 1 },
    none('sampled.wrong'),

    { fact: 'plugged.rows', min: 512 },
    exactly('unplugged.offline', 1),
    none('unplugged.rows'),
    none('kernel.tainted'),
  ],
  timeoutMs: 240_000,
};
