import { describe, expect, test } from 'vitest';
import type { OwnerMemory } from '../../executor/kernel.ts';
import { type SimulatedMachineOptions, createSimulatedMachine } from '../../executor/kernel-simulated.ts';
import { expectValue } from './two-tier.ts';

const UNTOUCHED = 77;

function create(options: Partial<SimulatedMachineOptions> = {}) {
  const machine = createSimulatedMachine({
    nodes: [0, 1].map((node) => ({
      ...{ node, tier: node, hasCpus: true, capacityPages: 2_000, latencyNs: 100, bandwidthMib: 0 },
    })),
    ...options,
  });
  const owner = machine.spawn();
  return { machine, owner, memory: expectValue(machine.kernel.open(owner)) };
}

function move(
  memory: OwnerMemory,
  pages: readonly number[],
  nodes: readonly number[] | number,
  together = false,
) {
  const status = new Int32Array(pages.length).fill(UNTOUCHED);
  const targets = Int32Array.from(pages, (_, i) => (typeof nodes === 'number' ? nodes : nodes[i]));
  const call = memory.move(Float64Array.from(pages), targets, status, together);
  return { returned: call.returned, errno: call.errno, status: [...status] };
}

const range = (count: number, first = 0) => Array.from({ length: count }, (_, i) => first + i);

/** The table "what it really answers", as measured on Linux 6.12. */
describe('move_pages(2)', () => {
  test('moves, and tells where pages are', () => {
    const { machine, owner, memory } = create();
    machine.touchMany(owner, Float64Array.of(1, 2));
    expect(move(memory, [1, 2], 1)).toEqual({ returned: 0, errno: 0, status: [1, 1] });
    const status = new Int32Array(3);
    memory.query(Float64Array.of(1, 2, 3), status);
    expect([...status]).toEqual([1, 1, -2]);
  });

  test('an absent page is ENOENT, one in place answers its node', () => {
    const { machine, owner, memory } = create();
    machine.touch(owner, 1);
    expect(move(memory, [1, 5, 1], [0, 0, 1])).toEqual({ returned: 0, errno: 0, status: [0, -2, 1] });
  });

  test('a shared page is EACCES, unless all are moved', () => {
    const { machine, owner, memory } = create();
    machine.touch(owner, 1);
    machine.setFlags(owner, 1, { shared: true });
    expect(move(memory, [1], 1).status).toEqual([-13]);
    expect(move(memory, [1], 1, true).status).toEqual([1]);
  });

  test('an unknown node at index 4 fails the call; what stands before it has moved', () => {
    const { machine, owner, memory } = create();
    machine.touchMany(owner, Float64Array.from(range(6)));
    const answer = move(memory, range(6), [1, 1, 1, 1, 9, 1]);
    expect(answer).toEqual({ returned: -1, errno: 19, status: [1, 1, 1, 1, UNTOUCHED, UNTOUCHED] });
    expect([...machine.nodesOf(owner, Float64Array.from(range(6)))]).toEqual([1, 1, 1, 1, 0, 0]);
  });

  test('a node outside the cpuset fails the call', () => {
    const { machine, owner, memory } = create();
    machine.touch(owner, 1);
    machine.setCpuset(owner, [0]);
    expect(move(memory, [1], 1)).toEqual({ returned: -1, errno: 13, status: [UNTOUCHED] });
  });

  test('a huge page moves once; its second address gets a false EBUSY', () => {
    const { machine, owner, memory } = create();
    machine.makeHuge(owner, 512);
    const { returned, status } = move(memory, range(512, 512), 1);
    expect([returned, status[0], status[1], status[2], status[511]]).toEqual([0, 1, -16, 1, 1]);
    expect(machine.usage().get(1)).toBe(512);
  });

  test('one tail address moves the whole huge page, which stays huge', () => {
    const { machine, owner, memory } = create();
    machine.makeHuge(owner, 512);
    expect(move(memory, [700], 1).status).toEqual([1]);
    expect(machine.usage().get(1)).toBe(512);
    expect(expectValue(memory.facts(Float64Array.of(600)))).toMatchObject({
      node: Int16Array.of(1),
      folioStart: Float64Array.of(512),
      folioPages: Uint32Array.of(512),
    });
  });

  test('the same address twice: the second gets EBUSY', () => {
    const { machine, owner, memory } = create();
    machine.touch(owner, 1);
    expect(move(memory, [1, 1], 1).status).toEqual([1, -16]);
  });

  test.each([1, 2, 3, 4])(
    'a full node leaves every status untouched although pages moved (seed %i)',
    (seed) => {
      const { machine, owner, memory } = create({ seed });
      machine.touchMany(owner, Float64Array.from(range(50)));
      machine.fill(1, 1_980);
      const { returned, errno, status } = move(memory, range(50), 1);
      expect(returned === -1 ? errno : returned).toBe(returned === -1 ? 12 : 30);
      expect(new Set(status)).toEqual(new Set([UNTOUCHED]));
      expect(machine.usage().get(1)).toBe(20);
    },
  );

  test('a pinned page is counted; the statuses of its batch stay untouched, the others move', () => {
    const { machine, owner, memory } = create();
    machine.touchMany(owner, Float64Array.of(1, 2, 3));
    machine.setFlags(owner, 2, { pinned: true });
    expect(move(memory, [1, 2, 3], 1)).toEqual({
      returned: 1,
      errno: 0,
      status: [UNTOUCHED, UNTOUCHED, UNTOUCHED],
    });
    expect([...machine.nodesOf(owner, Float64Array.of(1, 2, 3))]).toEqual([1, 0, 1]);
  });

  test('mlocked pages move', () => {
    const { machine, owner, memory } = create();
    machine.touch(owner, 1);
    machine.setFlags(owner, 1, { mlocked: true });
    expect(move(memory, [1], 1).status).toEqual([1]);
  });

  test('no such process is ESRCH; after an exec the call acts on the new memory', () => {
    const { machine, owner, memory } = create();
    machine.touch(owner, 1);
    const fresh = machine.exec(owner);
    machine.touch(fresh, 1);
    expect(memory.alive()).toBe(false);
    expect(move(memory, [1], 1).status).toEqual([1]);
    expect(machine.nodeOf(fresh, 1)).toBe(1);
    machine.exit(fresh);
    expect(move(memory, [1], 1)).toEqual({ returned: -1, errno: 3, status: [UNTOUCHED] });
  });
});

describe('the machine', () => {
  test('places at the first touch: the fastest node above its watermark, then the next, then anywhere', () => {
    const nodes = [0, 1].map((node) => ({
      ...{
        node,
        tier: node,
        hasCpus: true,
        capacityPages: 3,
        watermarkPages: 1,
        latencyNs: 100,
        bandwidthMib: 0,
      },
    }));
    const { machine, owner } = create({ nodes });
    expect(range(7).map((page) => machine.touch(owner, page))).toEqual([0, 0, 1, 1, 0, 1, -1]);
    expect(machine.touch(owner, 2)).toBe(1);
    machine.free(owner, 0, 2);
    expect(machine.nodeOf(owner, 0)).toBe(-1);
    expect(machine.freePages(0)).toBe(2);
  });

  test('freeing part of a huge page splits it', () => {
    const { machine, owner, memory } = create();
    machine.makeHuge(owner, 0);
    machine.free(owner, 5, 1);
    expect(machine.usage().get(0)).toBe(511);
    expect([...expectValue(memory.facts(Float64Array.of(4, 5))).folioPages]).toEqual([1, 1]);
  });

  test('an exit gives all pages back, and the name dies with the process', () => {
    const { machine, owner, memory } = create();
    machine.touchMany(owner, Float64Array.from(range(100)));
    machine.exit(owner);
    expect([...machine.usage().values()]).toEqual([0, 0]);
    machine.spawn({ ref: { ...owner, startTimeTicks: 5 } });
    expect(memory.alive()).toBe(false);
    expect(machine.kernel.open(owner)).toMatchObject({ ok: false, code: 'owner-gone' });
  });

  test('nodes come and go; the pages of one that goes find refuge', () => {
    const { machine, owner } = create();
    machine.touchMany(owner, Float64Array.from(range(10)));
    const generation = expectValue(machine.kernel.topology()).generation;
    machine.removeNode(0);
    expect(expectValue(machine.kernel.topology()).generation).toBe(generation + 1);
    expect(machine.usage()).toEqual(new Map([[1, 10]]));
    expect(machine.nodeOf(owner, 3)).toBe(1);
  });

  test('knows who belongs to a cgroup, with everything below it, and what they hold', () => {
    const { machine } = create();
    const inside = machine.spawn({ cgroup: '/web/worker', uid: 7 });
    const beside = machine.spawn({ cgroup: '/webmail' });
    machine.touchMany(inside, Float64Array.of(1, 2));
    machine.touch(beside, 1);
    const { kernel } = machine;
    const web = { kind: 'cgroup', path: '/web' } as const;
    expect([kernel.isMember(inside, web), kernel.isMember(beside, web)]).toEqual([true, false]);
    expect(expectValue(kernel.usage(web)).get(0)).toBe(2);
    expect(expectValue(kernel.usage({ kind: 'uid', uid: 7 })).get(0)).toBe(2);
    expect(expectValue(kernel.usage({ kind: 'cgroup', path: '/' })).get(0)).toBe(3);
  });

  test('fills as far as there is room, and gives back as far as it took', () => {
    const { machine } = create();
    machine.fill(0, 5_000);
    expect(machine.freePages(0)).toBe(0);
    machine.fill(0, -9_000);
    expect(machine.freePages(0)).toBe(2_000);
  });

  test('holds a million pages, side by side or scattered', () => {
    const count = 1_000_000;
    const nodes = [{ node: 0, tier: 0, hasCpus: true, capacityPages: count, latencyNs: 1, bandwidthMib: 0 }];
    const { machine, owner } = create({ nodes });
    const half = count / 2;
    machine.touchMany(
      owner,
      Float64Array.from({ length: half }, (_, i) => i),
    );
    machine.touchMany(
      owner,
      Float64Array.from({ length: half }, (_, i) => 2 ** 35 + i * 8_191),
    );
    expect(machine.freePages(0)).toBe(0);
    expect(machine.touch(owner, 2 ** 35 + 1)).toBe(-1);
    expect(machine.nodeOf(owner, 2 ** 35 + 8_191 * (half - 1))).toBe(0);
  });
});
