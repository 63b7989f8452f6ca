import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../../../runtime/contract.ts';
import { zooFolder } from '../../../../runtime/policy/open.ts';
import { bundleHost, snapshotOf } from '../specimen.ts';
import { CORPUS } from './corpus.ts';
import type { Answers, Health, Request } from './daemon.ts';
import type { Hostile } from './hostile.ts';
import { HOLE, REGIONS } from './outcome.ts';
import type { Outcome } from './outcome.ts';

const POLICIES_MIN = 60;
const GROWTH_BYTES_MAX = 10 * 1024 * 1024;

let daemon: ChildProcess;
let ended: Promise<readonly []>;
let healthy: Health;

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

/** Eight regions, one of them a hole, that `heat` has something to wish for. */
function scene(): Snapshot {
  const pages = Uint32Array.from({ length: REGIONS }, (_, region) => (region === HOLE ? 0 : 1));
  const accesses = Uint32Array.from({ length: REGIONS }, (_, region) => 100 * region);
  const sound = snapshotOf(REGIONS);
  return { ...sound, columns: { accesses, pages, place: new Uint8Array(REGIONS).fill(1), coverage: new Uint8Array(REGIONS).fill(255) } };
}

beforeAll(async () => {
  const hostFile = await bundleHost();
  daemon = fork(join(import.meta.dirname, 'daemon.ts'), { execArgv: ['--expose-gc'], serialization: 'advanced' });
  ended = once(daemon, 'exit').then(() => []);
  const good = join(zooFolder, 'heat.wasm');
  healthy = await ask<'begin'>({ begin: { hostFile, good, snapshot: scene() } });
});

afterAll(() => daemon.disconnect());

describe.each(Object.entries(CORPUS))('%s', (_, policies) => {
  test.each(policies)('$name: $must', async (hostile) => {
    const { must, says = '', check } = hostile;
    const outcome = await meet(hostile);
    expect(outcome).toMatchObject({ ending: must, message: expect.stringContaining(says) });
    check?.(outcome);
    // What was refused at the door started nothing that could have changed anything.
    if (!must.startsWith('admission')) expect(await ask<'health'>('health')).toEqual(healthy);
  });
});

test('there are enough of them, and no two of one name', () => {
  const names = Object.values(CORPUS).flatMap((policies) => policies.map(({ name }) => name));
  expect(names.length).toBeGreaterThanOrEqual(POLICIES_MIN);
  expect(new Set(names).size).toBe(names.length);
});

test('nothing is left of them: neither processes, descriptors nor memory', async () => {
  expect(await ask<'health'>('health')).toEqual(healthy);
  const before = await ask<'memory'>('memory');
  for (const hostile of Object.values(CORPUS).flat()) await meet(hostile);
  const after = await ask<'memory'>('memory');
  expect(after - before).toBeLessThanOrEqual(GROWTH_BYTES_MAX);
  expect(await ask<'health'>('health')).toEqual(healthy);
}, 600_000);
