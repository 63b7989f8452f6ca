import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zooFolder } from '../../../../runtime/policy/open.ts';
import { repetitions, timeoutMs } from '../../../proof.ts';
import { bundleHost } from '../specimen.ts';
import { CORPUS } from './corpus.ts';
import type { Answers, Health, Request } from './daemon.ts';
import type { Hostile } from './hostile.ts';
import type { Outcome } from './outcome.ts';
import { EAGER, scene } from './scene.ts';

const POLICIES_MIN = 60;
const GROWTH_BYTES_MAX = 10 * 1024 * 1024;

/** After which of them a good policy is loaded; starting a host takes as long as meeting one of these. */
const EVERY = repetitions({ slice: 5, full: 1 });

let daemon: ChildProcess;
let met = 0;
let ended: Promise<readonly []>;
let healthy: Health;
let memoryBytes: number;

async function ask<Kind extends keyof Answers>(request: Request): Promise<Answers[Kind]> {
  daemon.send(request);
  const [answer] = (await Promise.race([once(daemon, 'message'), ended])) as readonly unknown[];
  if (answer === undefined) throw new Error(`the daemon ended: ${daemon.exitCode ?? daemon.signalCode}`);
  return answer as Answers[Kind];
}

const file = join(mkdtempSync(join(tmpdir(), 'terrace-hostile-')), 'policy.wasm');

function meet({ policy, limits = {} }: Hostile): Promise<Outcome> {
  writeFileSync(file, policy());
  return ask<'live'>({ live: { policy: file, limits } });
}

beforeAll(async () => {
  const hostFile = await bundleHost();
  daemon = fork(join(import.meta.dirname, 'daemon.ts'), {
    execArgv: ['--expose-gc'],
    serialization: 'advanced',
  });
  ended = once(daemon, 'exit').then(() => []);
  const good = join(zooFolder, 'heat.wasm');
  healthy = await ask<'begin'>({ begin: { hostFile, good, settings: EAGER, snapshot: scene() } });
  memoryBytes = await ask<'memory'>('memory');
});

afterAll(() => daemon.disconnect());

describe.each(Object.entries(CORPUS))('%s', (_, policies) => {
  test.each(policies)('$name: $must', async (hostile) => {
    const { must, says = '', check } = hostile;
    const outcome = await meet(hostile);
    expect(outcome).toMatchObject({ ending: must, message: expect.stringContaining(says) });
    check?.(outcome);
    expect(await ask<'health'>({ health: met++ % EVERY === 0 ? 'thorough' : 'brief' })).toEqual(healthy);
  });
});

test('there are enough of them, and no two of one name', () => {
  const names = Object.values(CORPUS).flatMap((policies) => policies.map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(POLICIES_MIN);
  expect(new Set(names).size).toBe(names.length);
});

test(
  'nothing is left of them: neither processes, descriptors nor memory',
  async () => {
    for (let again = repetitions({ slice: 0, full: 2 }); again > 0; again--)
      for (const hostile of Object.values(CORPUS).flat()) await meet(hostile);
    expect(await ask<'health'>({ health: 'thorough' })).toEqual(healthy);
    expect((await ask<'memory'>('memory')) - memoryBytes).toBeLessThanOrEqual(GROWTH_BYTES_MAX);
  },
  timeoutMs(60_000),
);
