import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VERDICT, isRejection, verdictName } from '../../executor/verdict.ts';
import {
  FIRST_PAGE,
  SCOPE,
  type Stage,
  addFlows,
  compare,
  expectValue,
  faults,
  scenes,
  setStage,
} from './scene.ts';
import { repetitions } from '../proof.ts';

const runs = { numRuns: repetitions({ slice: 100, full: 5_000 }) };
const faultyScenes = fc.tuple(scenes, faults).map(([scene, drawn]) => ({ ...scene, faults: drawn }));
const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);

test('the outcome counts exactly the pages that the calls moved, whatever goes wrong', async () => {
  await fc.assert(
    fc.asyncProperty(faultyScenes, async (scene) => {
      const stage = setStage(scene);
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      const flows = addFlows(stage.witnessed.flatMap((call) => call.flows));
      expect(addFlows(outcome.flows)).toEqual(flows);
      expect(sum(outcome.movedPages)).toBe(sum(flows.map(({ pages }) => pages)));
      expect(outcome.calls).toBe(stage.witnessed.length);
    }),
    runs,
  );
});

test('on a quiet machine the outcome is the difference of placements, and no page is lost', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const stage = setStage(scene);
      const before = stage.placement();
      const heldBefore = sum(stage.machine.usage().values());
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      const flows = stage.placement().flatMap((after, owner) => compare(before[owner], after).flows);
      expect(addFlows(outcome.flows)).toEqual(addFlows(flows));
      expect(sum(stage.machine.usage().values())).toBe(heldBefore);
    }),
    runs,
  );
});

test('every entry gets a verdict that agrees with its pages', async () => {
  await fc.assert(
    fc.asyncProperty(faultyScenes, async (scene) => {
      const stage = setStage(scene);
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      for (const [entry, verdict] of outcome.verdicts.entries()) {
        expect(verdictName(verdict)).toBeDefined();
        expect([VERDICT.none, VERDICT.permitted]).not.toContain(verdict);
        if (verdict === VERDICT.moved) expect(outcome.movedPages[entry]).toBeGreaterThan(0);
        if (verdict === VERDICT['in-place']) expect(outcome.movedPages[entry]).toBe(0);
      }
    }),
    runs,
  );
});

test('no call leaves the scope, its nodes and pairs, its quota, or an owner’s cpuset', async () => {
  await fc.assert(
    fc.asyncProperty(faultyScenes, async (scene) => {
      const stage = setStage(scene);
      expectValue(await stage.executor.submit(stage.plan));
      const scope = stage.limits.scopes.get(SCOPE)!;
      for (const { owner, flows } of stage.witnessed) {
        const process = scene.processes[stage.owners.findIndex(({ pid }) => pid === owner.pid)];
        expect(process.cgroup).toMatch(/^\/tenant(\/|$)/);
        expect(stage.limits.protectedPids.has(owner.pid)).toBe(false);
        for (const { from, to } of flows) {
          expect(scope.nodes.has(from) && scope.nodes.has(to)).toBe(true);
          expect(process.cpuset ?? [to]).toContain(to);
          if (scope.pairs) expect(scope.pairs).toContainEqual([from, to]);
        }
      }
      const moved = sum(stage.witnessed.flatMap(({ flows }) => flows.map(({ pages }) => pages)));
      expect(moved).toBeLessThanOrEqual(scope.pagesPerEpochMax);
    }),
    runs,
  );
});

test('no call takes a node below watermark, reserve and headroom, or the scope beyond its share', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, fc.constantFrom(0, 0.05, 0.5), async (scene, busyPerFolio) => {
      const stage = setStage({ ...scene, faults: { busyPerFolio } });
      expectValue(await stage.executor.submit(stage.plan));
      for (const call of stage.witnessed) {
        for (const [node, free] of call.freeAfter) {
          const kept = Math.min(keptFree(stage, scene, node), call.freeBefore.get(node)!);
          expect(free).toBeGreaterThanOrEqual(kept);
        }
        for (const [node, held] of call.heldAfter) {
          const share = stage.limits.scopes.get(SCOPE)!.nodes.get(node)?.pagesMax ?? Infinity;
          expect(held).toBeLessThanOrEqual(Math.max(share, call.heldBefore.get(node)!));
        }
      }
    }),
    runs,
  );
});

function keptFree(stage: Stage, scene: Parameters<typeof setStage>[0], node: number): number {
  const wished = scene.headroom.find((wish) => wish.node === node)?.pages ?? 0;
  const reserve = stage.limits.reservePages.get(node) ?? 0;
  return scene.nodes[node].watermarkPages + reserve + Math.min(wished, stage.limits.headroomPagesMax);
}

test('pages that are to stay put stay put', async () => {
  await fc.assert(
    fc.asyncProperty(faultyScenes, async (scene) => {
      const stage = setStage(scene);
      const { allow, partialHuge } = stage.limits;
      const never = stage.owners.map((owner, index) => {
        const pages = new Set<number>();
        for (const { at, properties } of scene.processes[index].special) {
          const allowed =
            (properties.mlocked && allow.mlocked) ||
            (properties.hugetlb && allow.hugetlb) ||
            (properties.policyBound && allow.policyBound);
          const present = stage.machine.nodeOf(owner, FIRST_PAGE + at) >= 0;
          // Within a huge folio only the page that stands for it is looked at; its flags are the folio's.
          const lone = !scene.processes[index].huge.includes(Math.floor(at / 512));
          if (present && lone && !allowed) pages.add(FIRST_PAGE + at);
        }
        return pages;
      });
      expectValue(await stage.executor.submit(stage.plan));
      for (const { owner, moved } of stage.witnessed) {
        const index = stage.owners.findIndex(({ pid }) => pid === owner.pid);
        const named = namedPages(scene, index);
        for (const page of moved) {
          expect(never[index].has(page)).toBe(false);
          if (partialHuge === 'refuse') expect(named.has(page)).toBe(true);
        }
      }
    }),
    runs,
  );
});

function namedPages(scene: Parameters<typeof setStage>[0], owner: number): Set<number> {
  const pages = new Set<number>();
  for (const entry of scene.entries) {
    if (entry.owner % scene.processes.length !== owner) continue;
    for (let page = 0; page < entry.pages; page++) pages.add(FIRST_PAGE + entry.at + page);
  }
  return pages;
}

test('check moves nothing, and permits what submit then moves on a quiet machine', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const unpinned = scene.processes.map((process) => ({
        ...process,
        special: process.special.filter(({ properties }) => !properties.pinned),
      }));
      const stage = setStage({ ...scene, processes: unpinned });
      const before = stage.placement();
      const checked = expectValue(await stage.executor.check(stage.plan));
      expect(stage.placement()).toEqual(before);
      expect(stage.witnessed).toEqual([]);
      const submitted = expectValue(await stage.executor.submit(stage.plan));
      const foretold = checked.verdicts.map((verdict) =>
        verdict === VERDICT.permitted ? VERDICT.moved : verdict,
      );
      expect([...foretold]).toEqual([...submitted.verdicts]);
    }),
    runs,
  );
});

test('a topology that changes between rounds ends the plan, and says so for every entry left', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const stage = setStage(scene, (machine, call) => {
        if (call === 0)
          machine.addNode({
            node: 9,
            tier: 3,
            hasCpus: false,
            capacityPages: 1,
            latencyNs: 0,
            bandwidthMib: 0,
          });
      });
      const outcome = expectValue(await stage.executor.submit(stage.plan));
      const targets = new Set(
        stage.witnessed.flatMap(({ flows }) => flows.map(({ from, to }) => `${from} ${to}`)),
      );
      expect(targets.size).toBeLessThanOrEqual(6);
      for (const verdict of outcome.verdicts) expect(verdict === VERDICT.none).toBe(false);
      const again = await stage.executor.submit(stage.plan);
      if (stage.witnessed.length > 0) expect(again).toMatchObject({ ok: false, code: 'stale-topology' });
      else
        expect(
          [...outcome.verdicts].every((verdict) => isRejection(verdict) || verdict === VERDICT['in-place']),
        ).toBe(true);
    }),
    runs,
  );
});
