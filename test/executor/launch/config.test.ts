import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../executor/launch/config.ts';
import { LAUNCH_BOUNDS } from '../../../executor/launch/limits.ts';

const full = {
  folder: '/run/terrace/',
  runtime: { uid: 990, gid: 991 },
  hosts: { uidFirst: 600_000, countMax: 8 },
  cgroup: { parent: '/sys/fs/cgroup/terrace', memoryBytesMax: 1_342_177_280, pidsMax: 32 },
  node: '/usr/bin/node',
  host: '/usr/lib/terrace/host.mjs',
  flags: ['--permission'],
  services: {
    executor: {
      ...{ limits: '/etc/terrace/limits.json', socket: '/run/terrace/executor.sock' },
      journal: '/var/log/terrace/journal.jsonl',
    },
    sensors: { batch: { socket: '/run/terrace//batch.sock', arguments: ['--cgroup', '/batch.slice'] } },
  },
};
const { folder, runtime, hosts, host } = full;
const { executor } = full.services;
const { batch } = full.services.sensors;
const least = { folder, runtime, hosts, host };
const parse = (json: unknown) => parseConfig(json, '/opt/node');

function expectRefusal(json: unknown, message: string): void {
  const config = parse(json);
  expect(config).toMatchObject({ ok: false, code: 'config-malformed' });
  expect(!config.ok && config.message).toContain(message);
}

describe('the file of a launcher', () => {
  test('says everything it may', () => {
    expect(parse(full)).toEqual({
      ok: true,
      value: {
        ...{ folder: '/run/terrace', runtime, hosts, cgroup: full.cgroup },
        ...{ node: '/usr/bin/node', hostFile: host, flags: ['--permission'] },
        services: [
          { kind: 'executor', ...executor },
          { kind: 'sensor', name: 'batch', ...batch, socket: '/run/terrace/batch.sock' },
        ],
      },
    });
  });

  test('may leave out the cgroup, what the launcher itself runs on, and the others it could start', () => {
    const config = parse(least);
    expect(config).toMatchObject({ ok: true, value: { node: '/opt/node' } });
    expect(config.ok && config.value.cgroup).toBeUndefined();
    expect(config.ok && config.value.flags).toContain('--permission');
    expect(config.ok && config.value.services).toEqual([]);
    expect(parse({ ...least, services: {} })).toMatchObject({ ok: true, value: { services: [] } });
    const { journal: _, ...bare } = executor;
    expect(parse({ ...least, services: { executor: bare } })).toMatchObject({
      ok: true,
      value: { services: [{ kind: 'executor', ...bare }] },
    });
  });

  const { hostsMax, hostMemoryBytesMin, hostMemoryBytesMax, hostPidsMin, hostPidsMax } = LAUNCH_BOUNDS;
  const withHosts = (changes: object) => ({ ...full, hosts: { ...hosts, ...changes } });
  const withCgroup = (changes: object) => ({ ...full, cgroup: { ...full.cgroup, ...changes } });
  /** The socket's path is one byte longer than unix(7) takes. */
  const longFolder = `/${'a'.repeat(LAUNCH_BOUNDS.socketPathBytesMax - LAUNCH_BOUNDS.socketName.length - 1)}`;

  test.each<[unknown, string]>([
    [[], 'config is []; allowed: an object'],
    [{ ...full, users: 1 }, 'config is key "users"; allowed: only folder'],
    [{ ...full, folder: 'run' }, 'config.folder is run; allowed: an absolute path'],
    [{ ...full, folder: '/run/../tmp' }, 'config.folder is /run/../tmp'],
    [{ ...full, folder: longFolder }, `allowed: at most ${longFolder.length - 1} bytes`],
    [{ ...full, runtime: { uid: 990 } }, 'config.runtime.gid is undefined'],
    [{ ...full, runtime: { uid: -1, gid: 1 } }, 'config.runtime.uid is -1'],
    [{ ...full, hosts: undefined }, 'config.hosts is undefined; allowed: an object'],
    [withHosts({ uidFirst: 0 }), 'config.hosts.uidFirst is 0; allowed: a whole number from 1'],
    [withHosts({ countMax: 0 }), 'config.hosts.countMax is 0'],
    [withHosts({ countMax: hostsMax + 1 }), `config.hosts.countMax is ${hostsMax + 1}`],
    [withHosts({ uidFirst: 4_294_967_294, countMax: 2 }), 'config.hosts.countMax is 2; allowed: user ids up'],
    [withHosts({ uidFirst: 983 }), "config.hosts.uidFirst is 983; allowed: a range without the runtime's"],
    [withHosts({ uidFirst: 990 }), 'config.hosts.uidFirst is 990'],
    [withHosts({ gid: 1 }), 'config.hosts is key "gid"'],
    [withCgroup({ parent: 'terrace' }), 'config.cgroup.parent is terrace'],
    [withCgroup({ memoryBytesMax: undefined }), 'config.cgroup.memoryBytesMax is undefined'],
    [withCgroup({ memoryBytesMax: hostMemoryBytesMin - 1 }), 'config.cgroup.memoryBytesMax is 67108863'],
    [
      withCgroup({ memoryBytesMax: hostMemoryBytesMax + 1 }),
      'config.cgroup.memoryBytesMax is 70368744177665',
    ],
    [withCgroup({ pidsMax: hostPidsMin - 1 }), 'config.cgroup.pidsMax is 15'],
    [withCgroup({ pidsMax: hostPidsMax + 1 }), 'config.cgroup.pidsMax is 1025'],
    [{ ...full, node: 'node' }, 'config.node is node'],
    [{ ...full, host: undefined }, 'config.host is undefined'],
    [{ ...full, flags: ['host.mjs'] }, 'config.flags[0] is host.mjs'],
    [{ ...full, flags: ['--'] }, 'config.flags[0] is --'],
    [{ ...full, flags: '--permission' }, 'config.flags is --permission; allowed: a list'],
  ])('is refused: %j', expectRefusal);

  test('takes each bound itself', () => {
    for (const json of [
      withHosts({ countMax: hostsMax }),
      withHosts({ uidFirst: 1, countMax: 1 }),
      withHosts({ uidFirst: 4_294_967_294, countMax: 1 }),
      withHosts({ uidFirst: 982 }),
      withHosts({ uidFirst: 991 }),
      withCgroup({ memoryBytesMax: hostMemoryBytesMin, pidsMax: hostPidsMin }),
      withCgroup({ memoryBytesMax: hostMemoryBytesMax, pidsMax: hostPidsMax }),
      { ...full, folder: longFolder.slice(0, -1) },
    ])
      expect(parse(json)).toMatchObject({ ok: true });
  });
});

describe('what it starts beside hosts', () => {
  const { sensorsMax, sensorArgumentsMax, sensorArgumentBytesMax, socketPathBytesMax } = LAUNCH_BOUNDS;
  const withExecutor = (changes: object) => ({
    ...full,
    services: { executor: { ...executor, ...changes } },
  });
  const withSensors = (sensors: unknown) => ({ ...full, services: { sensors } });
  const withSensor = (changes: object) => withSensors({ batch: { ...batch, ...changes } });
  const sensors = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`s${i}`, { ...batch, socket: `/run/terrace/${i}` }]),
    );
  /** The longest path that a socket can have. */
  const longSocket = `/${'a'.repeat(socketPathBytesMax - 1)}`;
  const longArgument = 'é'.repeat(sensorArgumentBytesMax / 2);
  const manyArguments = Array.from({ length: sensorArgumentsMax }, () => '--cgroup');

  test.each<[unknown, string]>([
    [{ ...full, services: [] }, 'config.services is []; allowed: an object'],
    [{ ...full, services: { runtime: {} } }, 'config.services is key "runtime"'],
    [{ ...full, services: { executor: true } }, 'config.services.executor is true; allowed: an object'],
    [withExecutor({ main: '/bin/sh' }), 'config.services.executor is key "main"'],
    [withExecutor({ arguments: [] }), 'config.services.executor is key "arguments"'],
    [withExecutor({ limits: undefined }), 'config.services.executor.limits is undefined'],
    [withExecutor({ limits: 'limits.json' }), 'config.services.executor.limits is limits.json'],
    [withExecutor({ socket: 'executor.sock' }), 'config.services.executor.socket is executor.sock'],
    [withExecutor({ socket: `${longSocket}a` }), `allowed: at most ${socketPathBytesMax} bytes`],
    [withExecutor({ journal: '/var/../journal' }), 'config.services.executor.journal is /var/../journal'],
    [withSensors([batch]), 'config.services.sensors is [{'],
    [withSensors(sensors(sensorsMax + 1)), `config.services.sensors is ${sensorsMax + 1} sensors`],
    [withSensors({ 'a b': batch }), 'config.services.sensors.a b is a b; allowed: a name'],
    [withSensors({ ['a'.repeat(65)]: batch }), 'allowed: a name of up to 64'],
    [withSensor({ command: 'sh' }), 'config.services.sensors.batch is key "command"'],
    [withSensor({ socket: undefined }), 'config.services.sensors.batch.socket is undefined'],
    [withSensor({ arguments: undefined }), 'config.services.sensors.batch.arguments is undefined'],
    [withSensor({ arguments: [7] }), 'config.services.sensors.batch.arguments[0] is 7; allowed: a text'],
    [withSensor({ arguments: ['a\0b'] }), 'config.services.sensors.batch.arguments[0]'],
    [withSensor({ arguments: [`${longArgument}a`] }), `at most ${sensorArgumentBytesMax} bytes`],
    [withSensor({ arguments: [...manyArguments, '/a'] }), `arguments is ${sensorArgumentsMax + 1} items`],
    [withSensor({ arguments: ['--socket', '/a'] }), "allowed: a sensor's flag or its value, not its socket"],
    [withSensor({ arguments: ['--socket=/a'] }), 'arguments[0] is --socket=/a'],
    [withSensor({ arguments: ['--until-stdin-ends'] }), 'arguments[0] is --until-stdin-ends'],
    [withSensor({ arguments: ['--'] }), 'arguments[0] is --'],
    [withSensors({ a: batch, b: { ...batch, socket: '/run/terrace/./batch.sock' } }), 'sockets that differ'],
    [withExecutor({ socket: '/run/terrace/launcher.sock' }), 'config.services is /run/terrace/launcher.sock'],
  ])('is refused: %j', expectRefusal);

  test('takes each bound itself', () => {
    for (const json of [
      withExecutor({ socket: longSocket }),
      withSensors(sensors(sensorsMax)),
      withSensors({ ['a'.repeat(64)]: batch }),
      withSensor({ arguments: [longArgument, '--source=--socket'] }),
      withSensor({ arguments: manyArguments }),
    ])
      expect(parse(json)).toMatchObject({ ok: true });
  });
});
