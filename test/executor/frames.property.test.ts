import fc from 'fast-check';
import { expect, test } from 'vitest';
import { repetitions } from '../proof.ts';
import { VERDICT, verdictName } from '../../executor/verdict.ts';
import {
  type FramesStage,
  compareFrames,
  framesScenes,
  isLone,
  setFramesStage,
  spread,
} from './frames-scene.ts';
import { FIRST_PAGE, SCOPE, SPAN, addFlows, expectValue, faults } from './scene.ts';

const runs = { numRuns: repetitions({ slice: 40, full: 5_000 }) };
const faultyScenes = fc.tuple(framesScenes, faults).map(([scene, drawn]) => ({ ...scene, faults: drawn }));
const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);
/** Something that happens between two looks of the executor at the machine. */
const change = fc.record({
  kind: fc.constantFrom('free', 'place', 'touch', 'share', 'exit'),
  owner: fc.nat({ max: 2 }),
  other: fc.nat({ max: 2 }),
  at: fc.nat({ max: SPAN - 1 }),
  node: fc.nat({ max: 2 }),
});
const movedBy = ({ calls }: FramesStage) => calls.flatMap(({ moved }) => moved);

test('on a quiet machine the outcome follows all contents to their new frames, exactly', async () => {
  let total = 0;
  await fc.assert(
    fc.asyncProperty(framesScenes, fc.constantFrom(0, 0.05, 0.5), async (scene, busyPerFolio) => {
      const stage = setFramesStage({ ...scene, faults: { busyPerFolio } });
      const before = stage.look();
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      const moved = compareFrames(before, stage.look());
      expect(spread(outcome.frames)).toEqual(moved.map(({ from, to }) => ({ from, to })));
      const flows = moved.map(({ fromNode, toNode }) => ({ from: fromNode, to: toNode, pages: 1 }));
      expect(addFlows(outcome.flows)).toEqual(addFlows(flows));
      expect(sum(outcome.movedPages)).toBe(moved.length);
      const byEntry = new Uint32Array(outcome.movedPages.length);
      for (const [row, entry] of outcome.frames.entry.entries()) byEntry[entry] += outcome.frames.pages[row];
      expect(byEntry).toEqual(outcome.movedPages);
      total += moved.length;
    }),
    runs,
  );
  expect(total).toBeGreaterThan(1_000);
});

test('whatever goes wrong, no move is told that did not happen, and verdicts agree with the pages', async () => {
  await fc.assert(
    fc.asyncProperty(faultyScenes, async (scene) => {
      const stage = setFramesStage(scene);
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      const told = spread(outcome.frames);
      const happened = new Set(movedBy(stage).map(({ from, to }) => `${from} ${to}`));
      for (const { from, to } of told) expect(happened).toContain(`${from} ${to}`);
      if (stage.calls.every(({ survived }) => survived)) expect(told.length).toBe(happened.size);
      expect(sum(outcome.movedPages)).toBe(told.length);
      for (const [entry, verdict] of outcome.verdicts.entries()) {
        expect(verdictName(verdict)).toBeDefined();
        expect([VERDICT.none, VERDICT.permitted]).not.toContain(verdict);
        if (verdict === VERDICT.moved) expect(outcome.movedPages[entry]).toBeGreaterThan(0);
      }
    }),
    runs,
  );
});

test('nothing moves that somebody outside the scope maps, outside its nodes, pairs and cpusets, or beyond its quota', async () => {
  await fc.assert(
    fc.asyncProperty(faultyScenes, async (scene) => {
      const stage = setFramesStage(scene);
      const { limits, marked } = stage;
      expectValue(await stage.executor.submit(stage.plan));
      const scope = limits.scopes.get(SCOPE)!;
      for (const { from, fromNode, toNode, owners } of movedBy(stage)) {
        expect(marked.has(from)).toBe(false);
        if (!limits.allow.shared) expect(owners.length).toBe(1);
        expect(scope.nodes.has(fromNode) && scope.nodes.has(toNode)).toBe(true);
        if (scope.pairs) expect(scope.pairs).toContainEqual([fromNode, toNode]);
        for (const index of owners) {
          const { cgroup, cpuset } = scene.processes[index];
          expect(cgroup).toMatch(/^\/tenant(\/|$)/);
          expect(limits.protectedPids.has(stage.owners[index].pid)).toBe(false);
          expect(cpuset ?? [toNode]).toContain(toNode);
        }
      }
      expect(movedBy(stage).length).toBeLessThanOrEqual(scope.pagesPerEpochMax);
    }),
    runs,
  );
});

test('whatever others do between its looks, the executor moves only what it may and tells only what it moved', async () => {
  await fc.assert(
    fc.asyncProperty(framesScenes, fc.array(change, { maxLength: 400 }), async (scene, changes) => {
      const left = [...changes];
      const stage = setFramesStage(scene, (machine, owners) => {
        for (const { kind, owner, other, at, node } of left.splice(0, 20)) {
          const [one, two] = [owners[owner % owners.length], owners[other % owners.length]];
          const page = FIRST_PAGE + at;
          const spare = FIRST_PAGE + SPAN + (at % 1_024);
          if (kind === 'free') machine.free(one, page, 64);
          if (kind === 'place' && machine.freePages(node) > 0) machine.place(one, page, node);
          if (kind === 'touch') machine.touch(one, spare);
          if (kind === 'share' && one !== two && isLone(scene, owner, at))
            machine.shareFrame(one, page, two, spare);
          if (kind === 'exit' && at < 10) machine.exit(one);
        }
      });
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      const happened = new Set(movedBy(stage).map(({ from, to }) => `${from} ${to}`));
      for (const { from, to } of spread(outcome.frames)) expect(happened).toContain(`${from} ${to}`);
      expect(sum(outcome.movedPages)).toBe(outcome.frames.pages.reduce((total, pages) => total + pages, 0));
      for (const { owners } of movedBy(stage))
        for (const index of owners) expect(scene.processes[index].cgroup).toMatch(/^\/tenant(\/|$)/);
    }),
    runs,
  );
});

test('check moves nothing, and permits what submit then moves on a quiet machine', async () => {
  await fc.assert(
    fc.asyncProperty(framesScenes, async (scene) => {
      const unpinned = scene.processes.map((process) => ({
        ...process,
        special: process.special.filter(({ properties }) => !properties.pinned),
      }));
      const stage = setFramesStage({ ...scene, processes: unpinned });
      const before = stage.look();
      const checked = expectValue(await stage.executor.check(stage.plan));
      expect(stage.look()).toEqual(before);
      expect(stage.calls).toEqual([]);
      const submitted = expectValue(await stage.executor.submit(stage.plan));
      const foretold = checked.verdicts.map((verdict) =>
        verdict === VERDICT.permitted ? VERDICT.moved : verdict,
      );
      expect([...foretold]).toEqual([...submitted.verdicts]);
    }),
    runs,
  );
});
