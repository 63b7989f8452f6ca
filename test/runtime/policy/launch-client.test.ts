import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../../executor/result.ts';
import { connectLauncher, type Launcher } from '../../../runtime/policy/launch-client.ts';
import { launchChild, type Launch, type LaunchedHost } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import {
  excuse,
  hostPids,
  makeStage,
  startLauncher,
  until,
  type LauncherProcess,
} from '../../executor/launch/launcher-process.ts';
import { bundleHost, compile, componentOf, snapshotOf, specimenSource } from './specimen.ts';

const stage = makeStage();
const SNAPSHOT = snapshotOf(1000, { accesses: 1, place: 2 });
const REPLY_BYTES = 16 * 2 ** 20;
let component: Uint8Array;
let hostFile: string;
let process_: LauncherProcess;
let launcher: Launcher;

function demand<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

beforeAll(async () => {
  if (excuse !== undefined) return;
  component = await componentOf(await compile(specimenSource()));
  // Where a host's own user can read it.
  hostFile = join(stage.path, 'host.mjs');
  writeFileSync(hostFile, readFileSync(await bundleHost()), { mode: 0o644 });
}, 60_000);
afterEach(async () => {
  launcher?.close();
  await process_?.end();
});
afterAll(stage.remove);

async function serve(host: string): Promise<void> {
  process_ = await startLauncher(stage.config({ host }));
  launcher = demand(await connectLauncher(stage.socket));
}

function load(mode: string, launch: Launch) {
  const limits = { loadDeadlineMs: 20_000, epochDeadlineMs: 1_000, fuelPerEpoch: Infinity };
  return loadPolicy({ policy: component, settings: { mode }, launch, limits });
}

/** Everything a host writes until it ends. */
async function collect({ replies, diagnostics, exited }: LaunchedHost) {
  const said = { replies: 0, diagnostics: '' };
  replies.on('data', (chunk: Uint8Array) => (said.replies += chunk.length));
  diagnostics.on('data', (chunk: Uint8Array) => (said.diagnostics += chunk.toString()));
  return { how: await exited, ...said };
}

describe.skipIf(excuse !== undefined)('a host from the launcher', () => {
  test('plans as a child of our own does, epoch after epoch', async () => {
    await serve(hostFile);
    const [here, there] = [
      demand(await load('echo', launchChild(hostFile))),
      demand(await load('echo', launcher.launch)),
    ];
    for (let epoch = 0; epoch < 3; epoch++) {
      const plan = demand(await there.evaluate(SNAPSHOT)).plan;
      expect(plan).toEqual(demand(await here.evaluate(SNAPSHOT)).plan);
    }
    expect(hostPids()).toHaveLength(1);
    await Promise.all([here.close(), there.close()]);
    expect(hostPids()).toEqual([]);
    expect(stage.files()).toEqual(['launcher.sock']);
  });

  test.each([
    ['loop', 'policy-overran'],
    ['trap', 'policy-trapped'],
  ])('that fails (%s) is followed by a fresh one', async (mode, code) => {
    await serve(hostFile);
    const policy = demand(await load(mode, launcher.launch));
    const [before] = hostPids();
    for (let epoch = 0; epoch < 2; epoch++)
      expect(await policy.evaluate(SNAPSHOT)).toMatchObject({ ok: false, code });
    await policy.close();
    expect(hostPids()).not.toContain(before);
    expect(hostPids()).toEqual([]);
  });

  const lastWords = (bytes: number): string => `
    const write = (to, bytes) => { for (let at = 0; at < bytes.length;) at += fs.writeSync(to, bytes, at); };
    write(1, Buffer.alloc(${bytes}, 7));
    write(2, Buffer.from('and goodbye'));
    process.exit(3);`;

  test('is heard to the end, however much it says before', async () => {
    await serve(stage.script('chatty', lastWords(REPLY_BYTES)));
    const heard = await collect(demand(await launcher.launch()));
    expect(heard).toEqual({ how: 'exited with 3', replies: REPLY_BYTES, diagnostics: 'and goodbye' });
  });

  test('is heard to the end by who listens only after it', async () => {
    await serve(stage.script('terse', lastWords(100_000)));
    const host = demand(await launcher.launch());
    await until(() => hostPids().length === 0);
    // Answered after the first one's end was told.
    demand(await launcher.launch());
    const heard = await collect(host);
    expect(heard).toEqual({ how: 'exited with 3', replies: 100_000, diagnostics: 'and goodbye' });
  });

  test('leaves no descriptor behind', async () => {
    await serve(hostFile);
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const use = async (mode: string): Promise<void> => {
      const policy = demand(await load(mode, launcher.launch));
      await policy.evaluate(SNAPSHOT);
      await policy.close();
    };
    await use('echo');
    const before = descriptors();
    for (const mode of ['echo', 'trap', 'lengths-lie', 'echo']) await use(mode);
    expect(descriptors()).toBe(before);
  });

  test('goes when the launcher goes; the next launcher is found by itself', async () => {
    await serve(hostFile);
    const policy = demand(await load('echo', launcher.launch));
    process_.child.kill('SIGKILL');
    await until(() => hostPids().length === 0);
    expect(await policy.evaluate(SNAPSHOT)).toMatchObject({
      code: 'host-failed',
      message: expect.stringContaining('ended with the connection to its launcher'),
    });
    expect(await policy.evaluate(SNAPSHOT)).toMatchObject({
      code: 'host-failed',
      message: expect.stringContaining('start it as root'),
    });
    process_ = await startLauncher(stage.config({ host: hostFile }));
    // This one says that there is still no host, and starts one.
    await policy.evaluate(SNAPSHOT);
    expect(await policy.evaluate(SNAPSHOT)).toMatchObject({ ok: true });
    await policy.close();
  });

  test('cannot be had where no launcher is', async () => {
    const path = join(stage.path, 'nobody.sock');
    expect(await connectLauncher(path)).toMatchObject({ code: 'launcher-unreachable' });
  });
});
