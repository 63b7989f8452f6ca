import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { connectExecutor } from '../../../executor/client.ts';
import { listAllPids } from '../../../executor/linux/list-pids.ts';
import { connectSensor } from '../../../runtime/telemetry/sensor-client.ts';
import { createProcTree } from '../../runtime/telemetry/proc-tree.ts';
import { excuse, makeStage, RUNTIME, startLauncher, until } from './launcher-process.ts';
import type { LauncherProcess } from './launcher-process.ts';

const stage = makeStage();
/** A machine on which nobody is in the sensor's group. */
const tree = createProcTree();
tree.setMembers([]);

const limitsFile = join(stage.path, 'limits.json');
const executor = {
  limits: limitsFile,
  socket: join(stage.folder, 'executor.sock'),
  journal: join(stage.path, 'journal.jsonl'),
};
const sensor = {
  socket: join(stage.folder, 'sensor-idle.sock'),
  arguments: ['--root', tree.root, '--cgroup', '/work'],
};
const services = { executor, sensors: { idle: sensor } };

/** No process has this user, so that nothing here is ever moved. */
const limits = {
  scopes: {
    nobody: {
      members: { kind: 'uid', uid: 4_000_000_000 },
      ...{ nodes: { 0: {} }, pagesPerEpochMax: 1 },
    },
  },
};

const launchers: LauncherProcess[] = [];

async function launch(changes: object = services): Promise<LauncherProcess> {
  writeFileSync(limitsFile, JSON.stringify(limits), { mode: 0o600 });
  const config = stage.config({ host: join(stage.path, 'none.mjs'), services: changes });
  const launcher = await startLauncher(config);
  launchers.push(launcher);
  return launcher;
}

afterEach(async () => {
  for (const launcher of launchers.splice(0)) await launcher.end();
});
afterAll(() => {
  stage.remove();
  tree.remove();
});

/** Processes with this main that were started from this stage; a dead one has no command line. */
function pidsOf(main: string): readonly number[] {
  const pids = listAllPids('/');
  if (!pids.ok) throw new Error(pids.message);
  return pids.value.filter((pid) => {
    const command = commandOf(pid);
    return command[1]?.endsWith(main) && command.some((each) => each.includes(stage.path));
  });
}

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

const executors = () => pidsOf('/executor/main.ts');
const sensors = () => pidsOf('/sensor-main.ts');

async function askBudgets() {
  const client = await connectExecutor(executor.socket);
  if (!client.ok) return client;
  const budgets = await client.value.budgets('nobody');
  await client.value.close();
  return budgets;
}

async function askSample() {
  const source = await connectSensor(sensor.socket);
  if (!source.ok) return source;
  const sample = await source.value.next();
  await source.value.close();
  return sample;
}

/** Whether a user can open a socket, as himself. */
function mayConnect(socket: string, user: { uid: number; gid: number }): boolean {
  const script = `require('net').connect(process.argv[1], () => process.exit(0)).on('error', () => process.exit(1))`;
  return spawnSync(process.execPath, ['-e', script, socket], { ...user, cwd: '/', env: {} }).status === 0;
}

describe.skipIf(excuse !== undefined)('a launcher with an executor and a sensor', () => {
  test('is ready once they answer, and lets nobody but the runtime ask them', async () => {
    const launcher = await launch();
    expect(launcher.said()).toContain(`terrace-launcher: ready at ${stage.socket}\n`);
    expect(await askBudgets()).toMatchObject({ ok: true, value: { nodes: [{ node: 0 }] } });
    expect(await askSample()).toMatchObject({ ok: true, value: { owners: [] } });
    for (const socket of [executor.socket, sensor.socket]) {
      expect(statSync(socket)).toMatchObject({ uid: 0, gid: RUNTIME.gid });
      expect(statSync(socket).mode & 0o777).toBe(0o660);
      expect(mayConnect(socket, RUNTIME)).toBe(true);
      expect(mayConnect(socket, { ...RUNTIME, gid: RUNTIME.gid - 1 })).toBe(false);
    }
    for (const pid of [...executors(), ...sensors()]) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      expect(status).toMatch(new RegExp(`^Gid:\t${RUNTIME.gid}\t`, 'm'));
      expect(status).toMatch(/^Groups:\t *$/m);
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    }
  });

  test('starts again what was killed, and leaves the other one alone', async () => {
    const launcher = await launch();
    const [[first], before] = [executors(), sensors()];
    process.kill(first!, 'SIGKILL');
    await until(() => launcher.said().split('terrace-executor: ready at').length === 3);
    expect(await askBudgets()).toMatchObject({ ok: true });
    expect(launcher.said()).toContain(
      'terrace-launcher: service-ended: the executor was ended by SIGKILL; it starts again in 100 ms\n',
    );
    expect(executors()).toHaveLength(1);
    expect(executors()).not.toContain(first);
    expect(sensors()).toEqual(before);
  });

  test('when it is told to end, ends both and leaves nothing', async () => {
    const launcher = await launch();
    expect(await launcher.end()).toBe(0);
    expect([...executors(), ...sensors()]).toEqual([]);
    expect(stage.files()).toEqual([]);
    expect(launcher.said()).not.toContain('service-ended');
  });

  test('when it is told to end while one waits to be started again, does not start it', async () => {
    const launcher = await launch();
    writeFileSync(limitsFile, '{}');
    process.kill(executors()[0]!, 'SIGKILL');
    // Ready before, so that wrong files are no reason to give up.
    await until(() => launcher.said().includes('exited with 2; it starts again in 200 ms'));
    expect(await launcher.end()).toBe(0);
    expect([...executors(), ...sensors()]).toEqual([]);
    expect(stage.files()).toEqual([]);
  });

  test('when it is killed, both end too, and the next launcher finds its way clear', async () => {
    const launcher = await launch();
    expect([executors().length, sensors().length]).toEqual([1, 1]);
    launcher.child.kill('SIGKILL');
    await once(launcher.child, 'exit');
    await until(() => executors().length + sensors().length === 0);
    expect(stage.files()).toEqual(['launcher.sock']);
    await launch();
    expect(await askBudgets()).toMatchObject({ ok: true });
  });

  test('takes over the socket of an executor that was killed with it', async () => {
    const launcher = await launch({ executor });
    process.kill(launcher.child.pid!, 'SIGSTOP');
    process.kill(executors()[0]!, 'SIGKILL');
    launcher.child.kill('SIGKILL');
    await once(launcher.child, 'exit');
    expect(stage.files()).toEqual(['executor.sock', 'launcher.sock']);
    await launch({ executor });
    expect(await askBudgets()).toMatchObject({ ok: true });
  });
});

describe.skipIf(excuse !== undefined)('a launcher does not start, and leaves nothing,', () => {
  async function refusal(changes: object): Promise<string> {
    const launcher = await launch(changes);
    expect(await launcher.end()).toBe(2);
    expect([...executors(), ...sensors()]).toEqual([]);
    expect(launcher.said()).not.toContain('terrace-launcher: ready');
    return launcher.said();
  }

  test('when an executor cannot use its limits', async () => {
    const broken = join(stage.path, 'broken.json');
    writeFileSync(broken, '{ "scopes": {} }', { mode: 0o600 });
    const said = await refusal({ ...services, executor: { ...executor, limits: broken } });
    expect(said).toContain('terrace-executor: limits-malformed: ');
    expect(said).toContain(
      'terrace-launcher: service-failed: the executor exited with 2 before it was ready',
    );
    expect(stage.files()).toEqual([]);
  });

  test('when a sensor cannot use its arguments', async () => {
    const said = await refusal({ executor, sensors: { idle: { ...sensor, arguments: ['--guess'] } } });
    expect(said).toContain('terrace-sensor: arguments-unknown: ');
    expect(said).toContain('service-failed: sensor idle exited with 2');
    expect(stage.files()).toEqual([]);
  });

  test('where others could change what they are given, or what is written', async () => {
    const open = join(stage.path, 'open');
    mkdirSync(open);
    chownSync(open, RUNTIME.uid, RUNTIME.gid);
    const theirs = join(stage.path, 'theirs.json');
    writeFileSync(theirs, JSON.stringify(limits));
    chmodSync(theirs, 0o620);
    for (const changes of [
      { executor: { ...executor, limits: theirs } },
      { executor: { ...executor, socket: join(open, 'executor.sock') } },
      { executor: { ...executor, journal: join(open, 'journal.jsonl') } },
      { sensors: { idle: { ...sensor, socket: join(open, 'sensor.sock') } } },
    ])
      expect(await refusal(changes)).toMatch(/^terrace-launcher: not-roots-own: /);
  });

  test('where something answers already', async () => {
    const socket = join(stage.path, 'taken.sock');
    const other = createServer().listen(socket);
    await once(other, 'listening');
    const said = await refusal({ sensors: { idle: { ...sensor, socket } } });
    expect(said).toContain('terrace-launcher: socket-in-use: ');
    expect(existsSync(socket)).toBe(true);
    await new Promise((resolve) => other.close(resolve));
  });
});
