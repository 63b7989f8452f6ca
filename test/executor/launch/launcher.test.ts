import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import {
  connectToLauncher,
  type LauncherConnection,
  type Standing,
} from '../../../executor/launch/client.ts';
import { LAUNCH_BOUNDS } from '../../../executor/launch/limits.ts';
import type { Result } from '../../../executor/result.ts';
import { createFrameReader, encodeFrame } from '../../../executor/wire/frames.ts';
import { excuse, hostPids, makeStage, RUNTIME, startLauncher, until } from './launcher-process.ts';
import type { LauncherProcess } from './launcher-process.ts';

const stage = makeStage();
const open: { close(): unknown }[] = [];
const launchers: LauncherProcess[] = [];

afterEach(async () => {
  for (const { close } of open.splice(0)) close();
  for (const launcher of launchers.splice(0)) await launcher.end();
});
afterAll(stage.remove);

function demand<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

const obedient = stage.script(
  'echo',
  `
  const bytes = new Uint8Array(64);
  for (let read; (read = fs.readSync(0, bytes)) > 0;) fs.writeSync(1, bytes, 0, read);
  process.exit(7);`,
);
const busy = stage.script('busy', `fs.writeSync(1, 'x'); for (;;);`);

async function launch(changes: object = {}): Promise<LauncherProcess> {
  const launcher = await startLauncher(stage.config({ host: obedient, ...changes }));
  launchers.push(launcher);
  return launcher;
}

async function connect(): Promise<LauncherConnection> {
  const connection = demand(await connectToLauncher(stage.socket));
  open.push(connection);
  return connection;
}

const start = async (connection: LauncherConnection): Promise<Standing> => demand(await connection.start());

/** The runtime's ends of the two FIFOs that matter here. */
function openEnds({ paths }: Standing) {
  const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
  const requests = openSync(paths.requests, O_WRONLY | O_NONBLOCK);
  const replies = openSync(paths.replies, O_RDONLY | O_NONBLOCK);
  return { requests, replies, close: () => [requests, replies].forEach((each) => closeSync(each)) };
}

const read = (descriptor: number): string => {
  const bytes = Buffer.alloc(64);
  try {
    return bytes.toString('utf8', 0, readSync(descriptor, bytes));
  } catch {
    return '';
  }
};

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe.skipIf(excuse !== undefined)('a launcher', () => {
  test('starts hosts, each confined and as a user of its own, with files that only the runtime may open', async () => {
    await launch();
    expect(statSync(stage.folder)).toMatchObject({ uid: 0, gid: RUNTIME.gid });
    expect(modeOf(stage.folder)).toBe('710');
    expect(statSync(stage.socket)).toMatchObject(RUNTIME);
    expect(modeOf(stage.socket)).toBe('600');

    const connection = await connect();
    const hosts = [await start(connection), await start(connection)];
    for (const { paths, report } of hosts) {
      for (const path of Object.values(paths)) {
        expect(statSync(path)).toMatchObject(RUNTIME);
        expect(modeOf(path)).toBe('600');
      }
      expect(report.held).toEqual(
        expect.arrayContaining(['no-new-privileges', 'capabilities', 'user', 'seccomp', 'limits']),
      );
      expect(report.missing).toContainEqual({ belt: 'cgroup', why: expect.any(String) });
    }
    const statuses = hostPids().map((pid) => readFileSync(`/proc/${pid}/status`, 'utf8'));
    const field = (name: string) =>
      statuses.map((status) => new RegExp(`^${name}:\\t(.*)$`, 'm').exec(status)?.[1]);
    expect(new Set(field('Uid')).size).toBe(2);
    expect(field('Groups').map((groups) => groups?.trim())).toEqual(['', '']);
    for (const name of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(field(name)).toEqual(['0'.repeat(16), '0'.repeat(16)]);
    expect(field('NoNewPrivs')).toEqual(['1', '1']);
    expect(field('Seccomp')).toEqual(['2', '2']);
  });

  test('lets go once the runtime has its ends: no name is left, and each end sees the other one go', async () => {
    await launch();
    const connection = await connect();
    const [first, second] = [await start(connection), await start(connection)];
    const [ours, others] = [openEnds(first), openEnds(second)];
    demand(await connection.opened(first.host));
    expect(stage.files()).toEqual([
      ...['diagnostics', 'replies', 'requests', 'shared'].map((name) => `host-${second.host}.${name}`),
      'launcher.sock',
    ]);
    writeSync(ours.requests, 'hello');
    await until(() => read(ours.replies) === 'hello');
    ours.close();
    expect(await first.exited).toBe('exited with 7');
    // The other one is not let go of yet: its requests have a writer still.
    others.close();
    expect(hostPids().length).toBe(1);
    expect(await connection.opened(first.host)).toMatchObject({ ok: false, code: 'host-unknown' });
  });

  test('kills at once what is asked for, while another host starts, and nothing else', async () => {
    await launch({ host: busy });
    const connection = await connect();
    const first = await start(connection);
    const second = connection.start();
    demand(await connection.kill(first.host));
    expect(await first.exited).toBe('was ended by SIGKILL');
    demand(await second);
    expect(hostPids().length).toBe(1);
    expect(await connection.kill(99)).toMatchObject({ ok: false, code: 'host-unknown' });
  });

  test('starts no more hosts than it may, and another one when one is gone', async () => {
    await launch();
    const connection = await connect();
    const started = await Promise.all([1, 2, 3, 4].map(() => connection.start()));
    expect(started.map((each) => (each.ok ? 'ok' : each.code)).toSorted()).toEqual([
      'hosts-exhausted',
      ...['ok', 'ok', 'ok'],
    ]);
    const some = demand(started.find(({ ok }) => ok)!);
    await connection.kill(some.host);
    await some.exited;
    expect(await connection.start()).toMatchObject({ ok: true });
  });

  test('ends every host of a connection that ends, also one that is just starting', async () => {
    await launch({ host: busy });
    const connection = await connect();
    await start(connection);
    const late = connection.start();
    connection.close();
    expect(await late).toMatchObject({ ok: false, code: 'launcher-unreachable' });
    await until(() => hostPids().length === 0 && stage.files().length === 1);
    expect(await start(await connect())).toMatchObject({ host: expect.any(Number) });
  });

  test('serves one runtime at a time', async () => {
    await launch();
    const connection = await connect();
    expect(await connectToLauncher(stage.socket)).toMatchObject({ ok: false, code: 'launcher-busy' });
    expect(await connection.start()).toMatchObject({ ok: true });
  });

  test('says how a host ended that was no host', async () => {
    await launch({ host: join(stage.path, 'missing.mjs') });
    const connection = await connect();
    const started = await connection.start();
    const how = started.ok ? await started.value.exited : started.code;
    expect(how).toMatch(/^(host-failed|exited with \d+)$/);
    await until(() => stage.files().length === 1);
  });

  test('when it is told to end, ends everything and leaves nothing', async () => {
    const launcher = await launch({ host: busy });
    const connection = await connect();
    const host = await start(connection);
    expect(await launcher.end()).toBe(0);
    expect(await host.exited).toContain('ended');
    expect(hostPids()).toEqual([]);
    expect(stage.files()).toEqual([]);
  });

  test.each([
    ['waits', obedient],
    ['spins', busy],
  ])(
    'when it is killed, its host that %s dies too, and the next launcher removes what lies about',
    async (_, host) => {
      const launcher = await launch({ host });
      const started = await start(await connect());
      expect(hostPids().length).toBe(1);
      launcher.child.kill('SIGKILL');
      expect(await started.exited).toBe('ended with the connection to its launcher');
      await until(() => hostPids().length === 0);
      expect(stage.files()).toHaveLength(5);
      const keep = join(stage.folder, 'host-1.log');
      writeFileSync(keep, '');
      await launch({ host });
      expect(stage.files()).toEqual(['host-1.log', 'launcher.sock']);
      rmSync(keep);
      expect((await start(await connect())).report.held).toContain('user');
    },
  );
});

describe.skipIf(excuse !== undefined)("a connection that is not the runtime's", () => {
  /**
   * Says `bytes` and answers what is heard after the greeting; again while the connection before is served: its
   * refusal may be lost, since what we said by then is left unread.
   */
  async function say(bytes: Uint8Array): Promise<unknown[]> {
    const socket: Socket = createConnection(stage.socket);
    const heard: unknown[] = [];
    const reader = createFrameReader();
    socket.on('data', (chunk: Uint8Array) => {
      for (const message of reader.read(chunk)) heard.push(message.ok ? message.value : message.code);
    });
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(bytes);
    await Promise.race([once(socket, 'close'), until(() => heard.length > 1)]);
    socket.destroy();
    const [greeting, ...rest] = heard;
    return (greeting as { ok: boolean } | undefined)?.ok === true ? rest : say(bytes);
  }
  const frame = (message: unknown): Uint8Array => demand(encodeFrame(message));
  const prefix = (bytes: number): Uint8Array => new Uint8Array(Uint32Array.of(bytes).buffer);

  test('is answered with a code, or hung up on, and changes nothing for the next', async () => {
    await launch();
    for (const [bytes, code] of [
      [prefix(LAUNCH_BOUNDS.requestBytesMax + 1), 'frame-too-large'],
      [prefix(4_294_967_295), 'frame-too-large'],
      [new Uint8Array([...prefix(1), 0xc1]), 'request-unknown'],
      [frame({ id: 1, kind: 'start', uid: 0 }), 'request-unknown'],
      [frame({ id: 1, kind: 'start', cgroup: '/' }), 'request-unknown'],
      [frame({ id: 1, kind: 'kill', host: -1 }), 'request-unknown'],
      [frame({ id: 1, kind: 'kill', host: 1 }), 'host-unknown'],
      [frame({ id: 1, kind: 'budgets', scope: 'x' }), 'request-unknown'],
    ] as const)
      expect(await say(bytes)).toMatchObject([{ ok: false, code }]);
    expect(hostPids()).toEqual([]);
    expect(await (await connect()).start()).toMatchObject({ ok: true });
  });

  test('that asks and never listens is hung up on', async () => {
    await launch();
    const socket = createConnection(stage.socket);
    await once(socket, 'connect');
    socket.on('error', () => {});
    const request = frame({ id: 1, kind: 'kill', host: 1 });
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => request));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const pour = (): void => {
      if (!socket.destroyed) socket.write(many, () => setImmediate(pour));
    };
    pour();
    await closed;
    expect(await (await connect()).start()).toMatchObject({ ok: true });
  });
});

describe.skipIf(excuse !== undefined)('a launcher refuses to start', () => {
  const refusal = async (config: string): Promise<string> => {
    const launcher = await startLauncher(config);
    expect(await launcher.end()).toBe(2);
    return launcher.said();
  };

  test('on a configuration that others may write to', async () => {
    const config = stage.config({ host: obedient });
    chmodSync(config, 0o620);
    expect(await refusal(config)).toContain('not-roots-own');
    chmodSync(config, 0o600);
    chownSync(config, RUNTIME.uid, RUNTIME.gid);
    expect(await refusal(config)).toContain('not-roots-own');
    rmSync(config);
  });

  test("in a folder that others may enter, or that is not root's", async () => {
    const launcher = await launch();
    const config = stage.config({ host: obedient });
    expect(await refusal(config)).toContain('socket-in-use');
    await launcher.end();
    chmodSync(stage.folder, 0o711);
    expect(await refusal(config)).toContain('its mode is 711');
    chmodSync(stage.folder, 0o770);
    expect(await refusal(config)).toContain('is writable by others');
    chmodSync(stage.folder, 0o710);
    expect(await refusal(stage.config({ host: obedient, runtime: { uid: 1, gid: 1 } }))).toContain(
      'its group is 65520',
    );
    expect(
      await refusal(stage.config({ host: obedient, folder: '/etc/terrace-launch-test/none' })),
    ).toContain('folder-unusable');
  });

  test('with users that are somebody, or a cgroup that is none', async () => {
    const root = { hosts: { uidFirst: 65_534, countMax: 1 } };
    expect(await refusal(stage.config({ host: obedient, ...root }))).toContain('users-taken');
    const cgroup = { parent: join(stage.path, 'group'), memoryBytesMax: 2 ** 27 };
    expect(await refusal(stage.config({ host: obedient, cgroup }))).toContain('not in a cgroup v2');
  });
});
