import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mappingOfPage, parseNumaMapping, parseNumaMaps } from '../../executor/procfs/numa-maps.ts';
import {
  checkOwnerRef,
  isCgroupWithin,
  isOfUser,
  parseIdList,
  parseStat,
  readAllowedNodes,
  readCgroup,
  readOwnerRef,
  readUids,
} from '../../executor/procfs/proc.ts';
import { readText } from '../../executor/procfs/read-file.ts';
import { readCgroupUsage, readUserUsage } from '../../executor/procfs/usage.ts';
import { makeFolder } from './held-memory.ts';

const { path: root, remove } = makeFolder();
afterAll(remove);

function write(file: string, text: string): void {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const user = 4_194_560;
const kernelThread = 2_097_152 + user;

function statLine(pid: number, comm: string, flags: number, start: string, stack: string): string {
  const before = `${pid} (${comm}) S 1 2 3 0 -1 ${flags} 98 0 0 0 0 0 0 0 20 0 1 0`;
  return `${before} ${start} 3133440 408 18446744073709551615 1 2 ${stack} 0 0 0\n`;
}

function writeProcess(pid: number, uids: string, numaMaps?: string): void {
  write(`proc/${pid}/stat`, statLine(pid, 'worker', user, '1000', '140734200366560'));
  write(`proc/${pid}/status`, `Name:\tworker\nUid:\t${uids}\nMems_allowed_list:\t0-1,3\n`);
  if (numaMaps !== undefined) write(`proc/${pid}/numa_maps`, numaMaps);
}

beforeAll(() => {
  writeProcess(10, '1000\t1000\t1000\t1000', '7f0000000000 default anon=3 N0=2 N1=1 kernelpagesize_kB=4\n');
  writeProcess(
    11,
    '1000\t1000\t1000\t1000',
    '7f0000000000 default huge anon=2 N1=2 kernelpagesize_kB=2048\n',
  );
  writeProcess(12, '0\t1000\t0\t1000', '7f0000000000 default anon=9 N0=9 kernelpagesize_kB=4\n');
  // Exited between its status and its maps.
  writeProcess(13, '1000\t1000\t1000\t1000');
  // May become root again at any time: its saved id says so.
  writeProcess(17, '1000\t1000\t0\t1000', '7f0000000000 default anon=9 N0=9 kernelpagesize_kB=4\n');
  write('proc/14/stat', statLine(14, 'kthreadd', kernelThread, '5', '0'));
  write('proc/15/stat', statLine(15, 'zombie', user, '5', '0'));
  write('proc/16/stat', 'nonsense\n');
  write('proc/10/cgroup', '9:memory:/other\n0::/tenants/a\n');
  write('proc/11/cgroup', '9:memory:/other\n');
});

describe('who a process is', () => {
  test('whatever its name contains', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), fc.nat(), (comm, start) => {
        const stat = parseStat(statLine(7, comm, user, String(start), '140734200366560'));
        expect(stat).toEqual({ startTimeTicks: start, stackStart: '140734200366560', kernelThread: false });
      }),
    );
    const forged = 'x) R 1 2 3 0 -1 0 9 9 9 9 9 9 9 9 9 9 9 9 77 (y';
    expect(parseStat(statLine(7, forged, user, '5', '9'))).toMatchObject({ startTimeTicks: 5 });
  });

  test('is named by start time and stack start', () => {
    const ref = { pid: 10, startTimeTicks: 1_000, stackStart: '140734200366560' };
    expect(readOwnerRef(root, 10)).toEqual({ ok: true, value: ref });
    expect(checkOwnerRef(root, ref)).toEqual({ ok: true, value: true });
    for (const other of [{ startTimeTicks: 1_001 }, { stackStart: '140734200366561' }, { pid: 99 }])
      expect(checkOwnerRef(root, { ...ref, ...other })).toMatchObject({ ok: false, code: 'owner-gone' });
  });

  test.each([
    [14, 'kernel-thread'],
    [15, 'permission-missing'],
    [16, 'proc-malformed'],
    [99, 'file-missing'],
  ])('process %i: %s', (pid, code) => {
    expect(readOwnerRef(root, pid)).toMatchObject({ ok: false, code });
  });

  test.each([
    { pid: 0 },
    { pid: 4_194_305 },
    { pid: 1.5 },
    { pid: '10/../11' },
    { startTimeTicks: -1 },
    { stackStart: '0' },
    { stackStart: '0x7f' },
  ])('refuses %j as a reference', (wrong) => {
    const ref = { pid: 10, startTimeTicks: 1_000, stackStart: '140734200366560', ...wrong };
    expect(checkOwnerRef(root, ref as never)).toMatchObject({ ok: false, code: 'owner-malformed' });
  });
});

describe('what a process belongs to', () => {
  test('its cgroup is the one of the unified hierarchy', () => {
    expect(readCgroup(root, 10)).toEqual({ ok: true, value: '/tenants/a' });
    expect(readCgroup(root, 11)).toMatchObject({ ok: false, code: 'proc-malformed' });
  });

  test.each([
    ['/tenants/a', '/tenants/a', true],
    ['/tenants/a/b', '/tenants/a', true],
    ['/tenants/ab', '/tenants/a', false],
    ['/tenants', '/tenants/a', false],
    ['/anything', '/', true],
    ['/', '/', true],
    ['/tenants/a', '/tenants/a/', true],
    ['/../tenants/a', '/', false],
    ['/tenants/a', '/tenants/b/../a', false],
    ['/tenants/a', 'tenants', false],
  ])('%s within %s: %s', (path, ancestor, within) => {
    expect(isCgroupWithin(path, ancestor)).toBe(within);
  });

  test('a user owns it only with all four ids', () => {
    const real = readUids(root, 10);
    expect(real.ok && isOfUser(real.value, 1_000)).toBe(true);
    const acting = readUids(root, 12);
    expect(acting.ok && isOfUser(acting.value, 1_000)).toBe(false);
    expect(acting.ok && isOfUser(acting.value, 0)).toBe(false);
    const returning = readUids(root, 17);
    expect(returning.ok && isOfUser(returning.value, 1_000)).toBe(false);
  });

  test('cpusets allow it nodes', () => {
    expect(readAllowedNodes(root, 10)).toEqual({ ok: true, value: new Set([0, 1, 3]) });
    expect(readAllowedNodes(root, 99)).toMatchObject({ ok: false, code: 'file-missing' });
  });

  test.each([
    ['', []],
    ['0-2,5\n', [0, 1, 2, 5]],
    ['1024', [1_024]],
    ['1025', undefined],
    ['3-1', undefined],
    ['0,,1', undefined],
    ['-1', undefined],
  ])('the list %j', (text, ids) => {
    expect(parseIdList(text)).toEqual(ids);
  });
});

describe('memory policies', () => {
  test.each([
    ['default anon=1 N0=1', false],
    ['local anon=1 N0=1', false],
    ['prefer:1 anon=1 N0=1', false],
    ['bind:0 anon=1 N0=1', true],
    ['bind=static:0-1 anon=1 N0=1', true],
    ['interleave:0-1 anon=1 N0=1', true],
    ['weighted interleave:0-1 anon=1 N0=1', true],
    ['prefer (many):0-1 anon=1 N0=1', true],
    ['default file=/tmp/bind:0 mapped=1 N0=1', false],
  ])('%s: bound %s', (rest, bound) => {
    expect(parseNumaMapping(`7f0000001000 ${rest} kernelpagesize_kB=4`)).toEqual({
      firstPage: 0x7f0000001,
      policyBound: bound,
      pagesByNode: [[0, 1]],
    });
  });

  test('a mapped page belongs to the last mapping that starts at or below it', () => {
    const maps = parseNumaMaps('1000 default\n5000 bind:0\nnonsense\n9000 default\n');
    const starts = [0, 1, 4, 5, 8, 9, 100].map((page) => mappingOfPage(maps, page)?.firstPage);
    expect(starts).toEqual([undefined, 1, 1, 5, 5, 9, 9]);
  });
});

describe('what a scope holds', () => {
  test('a user: the mappings of all processes, huge pages in base pages', () => {
    expect(readUserUsage(root, 1_000)).toEqual({
      ok: true,
      value: new Map([
        [0, 2],
        [1, 1 + 2 * 512],
      ]),
    });
    expect(readUserUsage(root, 2_000)).toEqual({ ok: true, value: new Map() });
  });

  test('a cgroup: anonymous memory and page cache, not what is counted inside them', () => {
    write(
      'sys/fs/cgroup/tenants/a/memory.numa_stat',
      'anon N0=4096 N1=8192\nfile N0=12288 N1=0\nkernel_stack N0=16384\nshmem N0=4096 N1=0\nanon_thp N0=4096\nfile_mapped N0=4096\n',
    );
    expect(readCgroupUsage(root, '/tenants/a')).toEqual({
      ok: true,
      value: new Map([
        [0, 4],
        [1, 2],
      ]),
    });
  });

  test.each([
    ['/tenants/none', 'file-missing'],
    ['/../../etc', 'scope-malformed'],
    ['tenants/a', 'scope-malformed'],
  ])('refuses %s: %s', (path, code) => {
    expect(readCgroupUsage(root, path)).toMatchObject({ ok: false, code });
  });
});

test('a text beyond its bound is refused', () => {
  write('text', '0123456789');
  expect(readText(join(root, 'text'), 10)).toEqual({ ok: true, value: '0123456789' });
  expect(readText(join(root, 'text'), 9)).toMatchObject({ ok: false, code: 'file-too-large' });
  expect(readText(root)).toMatchObject({ ok: false, code: 'file-unreadable' });
});
