import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FACT, type Kernel, type OwnerMemory } from '../../executor/kernel.ts';
import { openLinuxKernel } from '../../executor/linux/kernel.ts';
import { createPageMover, PAGES_PER_CALL_MAX } from '../../executor/linux/move-pages.ts';
import { endProcess, HELD, type Holder, makeFolder, range, refOf, startHolder } from './held-memory.ts';

const nowNs = () => Math.round(performance.now() * 1e6);
const folder = makeFolder();
const sentinel = -999;

afterAll(folder.remove);

// Frame numbers and kpageflags need rights that only root is sure to have.
describe.skipIf(process.getuid?.() !== 0)('the memory of a process', () => {
  let kernel: Kernel;
  let holder: Holder;
  let sharer: Holder;
  let memory: OwnerMemory;

  beforeAll(async () => {
    const opened = openLinuxKernel({ root: '/', nowNs });
    if (!opened.ok) throw new Error(opened.message);
    kernel = opened.value;
    holder = await startHolder(join(folder.path, 'shared'));
    sharer = await startHolder(join(folder.path, 'shared'));
    memory = open(holder);
  });
  afterAll(async () => {
    memory?.close();
    await holder?.end();
    await sharer?.end();
    kernel?.close();
  });

  function open({ ref }: Holder): OwnerMemory {
    const owned = kernel.open(ref);
    if (!owned.ok) throw new Error(owned.message);
    return owned.value;
  }

  function facts(first: number, count: number) {
    const read = memory.facts(range(first, count));
    if (!read.ok) throw new Error(read.message);
    return read.value;
  }

  const { present, movable, mlocked, shared, policyBound, file } = FACT;

  test.each([
    ['plain', present | movable],
    ['mlocked', present | movable | mlocked],
    ['bound', present | movable | policyBound],
    ['file', present | movable | shared | file],
    ['zero', present],
    ['untouched', 0],
  ] as const)('%s pages are known as such', (kind, flags) => {
    const read = facts(holder.pages[kind], HELD.pages);
    expect(new Set(read.flags)).toEqual(new Set([flags]));
    expect(new Set(read.node)).toEqual(new Set([(flags & movable) === 0 ? -1 : 0]));
    expect(new Set(read.folioPages)).toEqual(new Set([1]));
  });

  test('a huge page is one folio from any of its pages', ({ skip }) => {
    const allowed = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
    if (allowed.includes('[never]')) skip();
    const middle = facts(holder.pages.huge + 100, 3);
    expect([...middle.folioPages]).toEqual([512, 512, 512]);
    expect(new Set(middle.folioStart)).toEqual(new Set([holder.pages.huge]));
  });

  test('the query agrees, and tells absent pages from the zero page', () => {
    const status = new Int32Array(HELD.pages).fill(sentinel);
    const statusOf = (kind: 'plain' | 'untouched' | 'zero') => {
      expect(memory.query(range(holder.pages[kind], HELD.pages), status)).toMatchObject({
        returned: 0,
        errno: 0,
      });
      return [...new Set(status)];
    };
    expect(statusOf('plain')).toEqual([0]);
    expect(statusOf('zero')).toEqual([-14]);
    expect([[-2], [-14]]).toContainEqual(statusOf('untouched'));
  });

  test('a move to where pages are leaves them and says so', () => {
    const pages = range(holder.pages.plain, HELD.pages);
    const status = new Int32Array(HELD.pages).fill(sentinel);
    const call = memory.move(pages, new Int32Array(HELD.pages), status);
    expect(call).toMatchObject({ returned: 0, errno: 0 });
    expect(call.ns).toBeGreaterThan(0);
    expect(new Set(status)).toEqual(new Set([0]));
  });

  test('a move to no node fails where the kernel met it, with what went before done', () => {
    const status = new Int32Array(4).fill(sentinel);
    const call = memory.move(range(holder.pages.plain, 4), Int32Array.of(0, 0, 1_000, 0), status);
    expect(call).toMatchObject({ returned: -1, errno: 19 });
    expect([...status.subarray(2)]).toEqual([sentinel, sentinel]);
  });

  test('only members belong', () => {
    const group = readFileSync(`/proc/${holder.ref.pid}/cgroup`, 'utf8').match(/^0::(.*)$/m)?.[1] ?? '/';
    const belongs = (path: string) => kernel.isMember(holder.ref, { kind: 'cgroup', path });
    expect([belongs(group), belongs('/'), belongs(`${group}/sub`), belongs('/tenant-that-is-not')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(kernel.isMember(holder.ref, { kind: 'uid', uid: 0 })).toBe(true);
    expect(kernel.isMember(holder.ref, { kind: 'uid', uid: 4_242 })).toBe(false);
    const reborn = { ...holder.ref, startTimeTicks: holder.ref.startTimeTicks + 1 };
    expect(kernel.isMember(reborn, { kind: 'uid', uid: 0 })).toBe(false);
  });

  test('cpusets allow it the nodes of this machine', () => {
    expect(memory.allowedNodes().has(0)).toBe(true);
  });

  test('a kernel thread, another life of the pid and a free pid are refused', () => {
    const { ref } = holder;
    expect(kernel.open({ ...ref, pid: 2 })).toMatchObject({ ok: false, code: 'kernel-thread' });
    expect(kernel.open({ ...ref, startTimeTicks: 1 })).toMatchObject({ ok: false, code: 'owner-gone' });
    expect(kernel.open({ ...ref, stackStart: '1' })).toMatchObject({ ok: false, code: 'owner-gone' });
    expect(kernel.open({ ...ref, pid: 4_194_304 })).toMatchObject({ ok: false, code: 'owner-gone' });
  });

  test('ends with an exec of the same pid', async () => {
    const child = spawn('/bin/sh', ['-c', 'read line; exec sleep 600'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const commandIs = async (name: string) => {
      while (readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim() !== name) await wait(1);
    };
    await commandIs('sh');
    const ref = refOf(child);
    const owned = kernel.open(ref);
    if (!owned.ok) throw new Error(owned.message);
    expect(owned.value.alive()).toBe(true);
    child.stdin.end('\n');
    await commandIs('sleep');
    expect(owned.value.alive()).toBe(false);
    expect(owned.value.facts(range(holder.pages.plain, 2))).toMatchObject({ ok: false, code: 'owner-gone' });
    expect(kernel.open(ref)).toMatchObject({ ok: false, code: 'owner-gone' });
    expect(refOf(child).startTimeTicks).toBe(ref.startTimeTicks);
    owned.value.close();
    await endProcess(child);
  });

  test('ends with the process', async () => {
    const short = await startHolder(join(folder.path, 'other'));
    const owned = open(short);
    expect(owned.alive()).toBe(true);
    await short.end();
    expect(owned.alive()).toBe(false);
    expect(owned.allowedNodes().size).toBe(0);
    expect(owned.query(range(short.pages.plain, 1), new Int32Array(1))).toMatchObject({
      returned: -1,
      errno: 3,
    });
    owned.close();
  });
});

describe('a call that would not mean what it says', () => {
  const mover = createPageMover(process.pid, nowNs);
  const pages = range(1_000, 2);
  const untouched = { returned: -1, errno: 22, ns: 0 };
  const detached = () => {
    const nodes = new Int32Array(2);
    structuredClone(nodes, { transfer: [nodes.buffer] });
    return nodes;
  };

  test.each([
    ['a status of another length', pages, new Int32Array(2), new Int32Array(1)],
    ['nodes of another length', pages, new Int32Array(3), new Int32Array(2)],
    ['detached nodes, which would turn it into a query', pages, detached(), new Int32Array(2)],
    ['a detached status', pages, new Int32Array(2), detached()],
    ['another kind of status', pages, new Int32Array(2), new Float32Array(2) as never],
    ['shared memory', pages, new Int32Array(2), new Int32Array(new SharedArrayBuffer(8))],
    ['a page number that is none', Float64Array.of(1, Number.NaN), new Int32Array(2), new Int32Array(2)],
    ['a negative page number', Float64Array.of(1, -1), new Int32Array(2), new Int32Array(2)],
    ['a page number beyond user space', Float64Array.of(1, 2 ** 44), new Int32Array(2), new Int32Array(2)],
  ])('is not made: %s', (_, pageNumber, node, status) => {
    expect(mover.move(pageNumber, node, status)).toEqual(untouched);
  });

  test('is not made: nothing asked', () => {
    expect(mover.move(new Float64Array(), new Int32Array(), new Int32Array())).toEqual({
      returned: 0,
      errno: 0,
      ns: 0,
    });
  });

  test('is not made beyond the pages of one call', () => {
    const count = PAGES_PER_CALL_MAX + 1;
    expect(mover.query(range(1, count), new Int32Array(count))).toMatchObject({
      returned: -1,
      errno: 7,
      ns: 0,
    });
    expect(mover.query(range(1, count - 1), new Int32Array(count - 1))).toMatchObject({ returned: 0 });
  });

  test('works on a part of an array, and nowhere else', () => {
    const status = new Int32Array(6).fill(sentinel);
    expect(mover.query(pages, status.subarray(2, 4))).toMatchObject({ returned: 0 });
    expect([...status].map((value) => value === sentinel)).toEqual([true, true, false, false, true, true]);
  });
});

test('a root without kpageflags is refused', () => {
  expect(openLinuxKernel({ root: folder.path, nowNs })).toMatchObject({ ok: false, code: 'file-missing' });
});
