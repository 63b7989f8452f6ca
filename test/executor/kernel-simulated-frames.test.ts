import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSimulatedMachine, type SimulatedMachineOptions } from '../../executor/kernel-simulated.ts';
import { FRAME } from '../../executor/kernel.ts';
import { repetitions } from '../proof.ts';
import { expectValue } from './two-tier.ts';

function create(options: Partial<SimulatedMachineOptions> = {}) {
  const machine = createSimulatedMachine({
    nodes: [0, 1].map((node) => ({
      ...{ node, tier: node, hasCpus: true, capacityPages: 2_000, latencyNs: 100, bandwidthMib: 0 },
    })),
    ...options,
  });
  return { machine, owner: machine.spawn(), kernel: machine.kernel };
}

const range = (count: number, first = 0) => Float64Array.from({ length: count }, (_, i) => first + i);

describe('frames', () => {
  test('are handed out one after the other, and freed ones again in a shuffled order that is always the same', () => {
    const run = () => {
      const { machine, owner } = create();
      machine.touchMany(owner, range(100));
      const fresh = [...machine.framesOf(owner, range(100))];
      expect(fresh).toEqual([...range(100, fresh[0])]);
      machine.free(owner, 0, 100);
      machine.touchMany(owner, range(100, 200));
      return [...machine.framesOf(owner, range(100, 200))];
    };
    const again = run();
    expect(run()).toEqual(again);
    expect(again).not.toEqual(again.toSorted((a, b) => a - b));
    expect(again.filter((frame) => frame < again[0] + 100).length).toBeGreaterThan(50);
  });

  test('of a huge folio are aligned and follow each other', () => {
    const { machine, owner, kernel } = create();
    machine.makeHuge(owner, 512);
    const head = machine.frameOf(owner, 512);
    expect(head % 512).toBe(0);
    expect([...machine.framesOf(owner, range(512, 512))]).toEqual([...range(512, head)]);
    const facts = expectValue(kernel.frames(Float64Array.of(head, head + 7, head + 7, head + 512)));
    expect([...facts.folioStart]).toEqual([head, head, head, head + 512]);
    expect([...facts.folioPages]).toEqual([512, 512, 512, 1]);
    machine.place(owner, 600, 1);
    expect(machine.frameOf(owner, 512) % 512).toBe(0);
    expect(machine.frameOf(owner, 512)).not.toBe(head);
  });

  test('are told by what they are', () => {
    const { machine, owner, kernel } = create();
    machine.touchMany(owner, range(3));
    const [plain, fixed, gone] = machine.framesOf(owner, range(3));
    machine.setFlags(owner, 1, { movable: false });
    machine.free(owner, 2, 1);
    const cache = machine.addFrame(1, 'usable');
    const slab = machine.addFrame(1, 'kernel');
    const asked = [0, plain, fixed, gone, cache, slab].toSorted((a, b) => a - b);
    const { state } = expectValue(kernel.frames(Float64Array.from(asked)));
    const named = new Map(asked.map((frame, i) => [frame, state[i]]));
    expect([0, plain, fixed, cache, slab].map((frame) => named.get(frame))).toEqual([
      FRAME.offline,
      FRAME.usable,
      FRAME.unmovable,
      FRAME.usable,
      FRAME.kernel,
    ]);
    machine.dropFrame(slab);
    expect(expectValue(kernel.frames(Float64Array.of(slab))).state[0]).toBe(FRAME.free);
  });

  test('marks go with the contents, and end with them', () => {
    const { machine, owner, kernel } = create();
    machine.touch(owner, 1);
    const stateOf = (frame: number) => expectValue(kernel.frames(Float64Array.of(frame))).state[0];
    const before = machine.frameOf(owner, 1);
    machine.markFrame(before, { state: 'poisoned' });
    machine.place(owner, 1, 1);
    const after = machine.frameOf(owner, 1);
    expect([stateOf(before), stateOf(after)]).toEqual([FRAME.free, FRAME.poisoned]);
    machine.free(owner, 1, 1);
    expect(stateOf(after)).toBe(FRAME.free);
  });
});

/** The RFC's semantics, as the lab's kernel has them. */
describe('move_phys_pages', () => {
  function setUp() {
    const { machine, owner, kernel } = create();
    machine.touchMany(owner, range(6));
    const frames = machine.framesOf(owner, range(6));
    const move = (heads: readonly number[], node: number | readonly number[] = 1, together = false) => {
      const status = new Int32Array(heads.length).fill(77);
      const nodes = Int32Array.from(heads, (_, i) => (typeof node === 'number' ? node : node[i]));
      const { returned, errno } = kernel.moveFrames(Float64Array.from(heads), nodes, status, together);
      return { returned, errno, status: [...status] };
    };
    return { machine, owner, frames, move };
  }

  test('moves, and answers each entry', () => {
    const { machine, owner, frames, move } = setUp();
    machine.setFlags(owner, 1, { pinned: true });
    machine.free(owner, 2, 1);
    expect(move([...frames.subarray(0, 4)], [1, 1, 1, 0])).toEqual({
      returned: 1,
      errno: 0,
      status: [1, -16, -2, 0],
    });
    expect([...machine.nodesOf(owner, range(4))]).toEqual([1, 0, -1, 0]);
  });

  test('an unknown node refuses the call before anything moves', () => {
    const { machine, owner, frames, move } = setUp();
    expect(move([frames[0], frames[1]], [1, 9])).toEqual({ returned: -1, errno: 19, status: [77, 77] });
    expect(machine.nodeOf(owner, 0)).toBe(0);
  });

  test('what several map moves together only, and where all their cpusets allow it', () => {
    const { machine, owner, frames, move } = setUp();
    const other = machine.spawn();
    machine.shareFrame(owner, 0, other, 9);
    expect(move([frames[0]]).status).toEqual([-13]);
    machine.setCpuset(other, [0]);
    expect(move([frames[0]], 1, true).status).toEqual([-13]);
    machine.setCpuset(other, undefined);
    expect(move([frames[0]], 1, true).status).toEqual([1]);
    expect(machine.frameOf(other, 9)).toBe(machine.frameOf(owner, 0));
  });

  test('a tail, a frame of nobody and one that is marked stay', () => {
    const { machine, owner, frames, move } = setUp();
    machine.makeHuge(owner, 512);
    machine.markFrame(frames[1], { state: 'poisoned' });
    const heads = [
      machine.frameOf(owner, 513),
      machine.addFrame(0, 'usable'),
      frames[1],
      machine.frameOf(owner, 512),
    ];
    expect(move(heads).status).toEqual([-2, -2, -16, 1]);
  });

  test('a full node is said entry by entry', () => {
    const { machine, frames, move } = setUp();
    machine.fill(1, 1_998);
    expect(move([...frames])).toEqual({ returned: 4, errno: 0, status: [1, 1, -12, -12, -12, -12] });
  });
});

const op = fc.record({
  kind: fc.constantFrom('touch', 'free', 'place', 'huge', 'share', 'move', 'exit', 'exec', 'add', 'unplug'),
  owner: fc.nat({ max: 2 }),
  other: fc.nat({ max: 2 }),
  page: fc.nat({ max: 1_535 }),
  pages: fc.nat({ max: 300 }),
  node: fc.nat({ max: 2 }),
});

test('whatever happens, a frame has one content, nodes hold what is mapped, and mappers are found', () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 5, maxLength: 60 }), (ops) => {
      const nodes = [0, 1, 2].map((node) => ({
        ...{ node, tier: node, hasCpus: true, capacityPages: 1_200, latencyNs: 100, bandwidthMib: 0 },
      }));
      const { machine } = create({ nodes });
      const owners = [0, 1, 2].map(() => machine.spawn());
      for (const { kind, owner, other, page, pages, node } of ops) {
        const one = owners[owner];
        if (kind === 'touch') machine.touchMany(one, range(pages, page));
        if (kind === 'free') machine.free(one, page, pages);
        if (kind === 'place' && machine.freePages(node) >= 512) machine.place(one, page, node);
        if (kind === 'huge') machine.makeHuge(one, page - (page % 512));
        if (kind === 'share' && owner !== other) machine.shareFrame(one, page, owners[other], page);
        if (kind === 'exit' && page < 300) machine.exit(one);
        if (kind === 'exec' && page < 300) owners[owner] = machine.exec(one);
        if (kind === 'add') machine.addFrame(node, 'usable');
        if (kind === 'unplug' && page < 100 && node > 0) machine.removeNode(node);
        if (kind === 'move') {
          const memory = machine.kernel.open(one);
          if (memory.ok)
            memory.value.move(
              range(pages, page),
              new Int32Array(pages).fill(node),
              new Int32Array(pages),
              true,
            );
        }
      }
      expectSound(machine, owners);
    }),
    { numRuns: repetitions({ slice: 60, full: 20_000 }) },
  );
});

function expectSound(
  machine: ReturnType<typeof create>['machine'],
  owners: Parameters<typeof machine.exit>[0][],
) {
  const pages = range(2_048);
  const nodeOf = new Map<number, number>();
  const mappings = new Map<number, number>();
  for (const owner of owners) {
    const frames = machine.framesOf(owner, pages);
    const nodes = machine.nodesOf(owner, pages);
    for (const [i, frame] of frames.entries()) {
      expect(frame >= 0).toBe(nodes[i] >= 0);
      if (frame < 0) continue;
      expect(nodeOf.get(frame) ?? nodes[i]).toBe(nodes[i]);
      nodeOf.set(frame, nodes[i]);
      mappings.set(frame, (mappings.get(frame) ?? 0) + 1);
    }
  }
  for (const [node, held] of machine.usage())
    expect([...nodeOf.values()].filter((each) => each === node).length).toBe(held);
  const members = expectValue(machine.kernel.usage({ kind: 'uid', uid: 0 }));
  expect(members).toEqual(new Map(machine.usage()));
  const frames = Float64Array.from(nodeOf.keys()).toSorted();
  const found = expectValue(machine.kernel.mappers(frames));
  const counts = new Map<number, number>();
  for (const row of found.frame) counts.set(frames[row], (counts.get(frames[row]) ?? 0) + 1);
  expect(counts).toEqual(new Map([...frames].map((frame) => [frame, mappings.get(frame)])));
  expect(new Set(expectValue(machine.kernel.frames(frames)).state)).toEqual(
    new Set(frames.length > 0 ? [FRAME.usable] : []),
  );
}
