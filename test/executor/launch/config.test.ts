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
};
const { folder, runtime, hosts, host } = full;
const least = { folder, runtime, hosts, host };
const parse = (json: unknown) => parseConfig(json, '/opt/node');

describe('the file of a launcher', () => {
  test('says everything it may', () => {
    expect(parse(full)).toEqual({
      ok: true,
      value: {
        ...{ folder: '/run/terrace', runtime, hosts, cgroup: full.cgroup },
        ...{ node: '/usr/bin/node', hostFile: host, flags: ['--permission'] },
      },
    });
  });

  test('may leave out the cgroup, and what the launcher itself runs on', () => {
    const config = parse(least);
    expect(config).toMatchObject({ ok: true, value: { node: '/opt/node' } });
    expect(config.ok && config.value.cgroup).toBeUndefined();
    expect(config.ok && config.value.flags).toContain('--permission');
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
  ])('is refused: %j', (json, message) => {
    const config = parse(json);
    expect(config).toMatchObject({ ok: false, code: 'config-malformed' });
    expect(!config.ok && config.message).toContain(message);
  });

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
