import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { admit } from '../../executor/admit.ts';
import { BOUNDS } from '../../executor/limits.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import type { BoundPlan } from '../../executor/plan.ts';
import { verdictName } from '../../executor/verdict.ts';
import { createTwoTier, expectValue, populate } from './two-tier.ts';
import { repetitions } from '../proof.ts';

const two = createTwoTier();
const topology = expectValue(two.machine.kernel.topology());
const nodes = { '0': {} };
const members = { kind: 'uid', uid: 0 };
const limits = expectValue(parseLimits({ scopes: { all: { members, nodes, pagesPerEpochMax: 10 } } }));
const plan = two.plan([{ page: 10, target: 0 }]);

/** A plan of this many single pages, all alike. */
function wide(entries: number, changes: Partial<BoundPlan> = {}): BoundPlan {
  return {
    ...plan,
    owner: new Uint16Array(entries),
    space: new Uint8Array(entries),
    pageNumber: Float64Array.from({ length: entries }, (_, i) => i),
    pages: new Uint32Array(entries).fill(1),
    target: new Uint8Array(entries),
    priority: new Uint16Array(entries),
    ...changes,
  };
}

const owners = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ pid: i + 1, startTimeTicks: 1, stackStart: '1' }));

describe('a plan is refused whole', () => {
  test.each<[string, string, unknown]>([
    ['no object', 'plan-malformed', null],
    ['epoch', 'plan-malformed', { ...plan, epoch: -1 }],
    ['generation', 'plan-malformed', { ...plan, topologyGeneration: NaN }],
    ['scope type', 'plan-malformed', { ...plan, scope: 7 }],
    ['no owners', 'plan-malformed', { ...plan, owners: undefined }],
    ['owner without pid', 'plan-malformed', { ...plan, owners: [{ startTimeTicks: 1, stackStart: '1' }] }],
    ['owner pid 0', 'plan-malformed', { ...plan, owners: [{ pid: 0, startTimeTicks: 1, stackStart: '1' }] }],
    [
      'stack start',
      'plan-malformed',
      { ...plan, owners: [{ pid: 1, startTimeTicks: 1, stackStart: '0x1' }] },
    ],
    ['the same pid twice', 'plan-malformed', { ...plan, owners: [...plan.owners, ...plan.owners] }],
    ['column kind', 'plan-malformed', { ...plan, pages: new Uint16Array(1) }],
    ['column missing', 'plan-malformed', { ...plan, priority: undefined }],
    ['column length', 'plan-malformed', { ...plan, owner: new Uint16Array(2) }],
    ['headroom type', 'plan-malformed', { ...plan, headroom: {} }],
    ['headroom pages', 'plan-malformed', { ...plan, headroom: [{ node: 0, pages: -1 }] }],
    ['headroom node', 'plan-malformed', { ...plan, headroom: [{ node: 9, pages: 1 }] }],
    [
      'headroom twice',
      'plan-malformed',
      {
        ...plan,
        headroom: [
          { node: 0, pages: 1 },
          { node: 0, pages: 1 },
        ],
      },
    ],
    ['page NaN', 'plan-malformed', { ...plan, pageNumber: Float64Array.of(NaN) }],
    ['page infinite', 'plan-malformed', { ...plan, pageNumber: Float64Array.of(Infinity) }],
    ['page negative', 'plan-malformed', { ...plan, pageNumber: Float64Array.of(-1) }],
    ['page broken', 'plan-malformed', { ...plan, pageNumber: Float64Array.of(1.5) }],
    ['page too high', 'plan-malformed', { ...plan, pageNumber: Float64Array.of(BOUNDS.pageNumberMax) }],
    ['no pages', 'plan-malformed', { ...plan, pages: Uint32Array.of(0) }],
    ['space', 'plan-malformed', { ...plan, space: Uint8Array.of(2) }],
    ['spaces mixed', 'plan-malformed', wide(2, { space: Uint8Array.of(0, 1) })],
    ['owner index', 'plan-malformed', { ...plan, owner: Uint16Array.of(1) }],
    ['entries', 'plan-too-large', wide(BOUNDS.planEntriesMax + 1)],
    ['pages of an entry', 'plan-too-large', { ...plan, pages: Uint32Array.of(BOUNDS.pagesPerEntryMax + 1) }],
    ['pages of all', 'plan-too-large', wide(5, { pages: new Uint32Array(5).fill(BOUNDS.pagesPerEntryMax) })],
    ['owners', 'plan-too-many-owners', { ...plan, owners: owners(BOUNDS.ownersMax + 1) }],
    ['unknown scope', 'scope-unknown', { ...plan, scope: 'none' }],
    ['another topology', 'stale-topology', { ...plan, topologyGeneration: 2 }],
  ])('%s: %s', (_, code, bad) => {
    const admitted = admit(bad as BoundPlan, limits, topology);
    expect(admitted).toMatchObject({ ok: false, code });
  });
});

describe('bounds are reached exactly', () => {
  test.each<[string, BoundPlan]>([
    ['entries', wide(BOUNDS.planEntriesMax)],
    ['pages of an entry', { ...plan, pages: Uint32Array.of(BOUNDS.pagesPerEntryMax) }],
    ['pages of all', wide(4, { pages: new Uint32Array(4).fill(BOUNDS.pagesPerEntryMax) })],
    ['owners', { ...plan, owners: owners(BOUNDS.ownersMax) }],
    ['highest page', { ...plan, pageNumber: Float64Array.of(BOUNDS.pageNumberMax - 1) }],
    ['nothing at all', wide(0)],
  ])('%s', (_, good) => {
    expect(admit(good, limits, topology).ok).toBe(true);
  });
});

test('entries that no fact can help get their verdict at once', () => {
  const { verdicts, order, pages } = expectValue(
    admit(wide(4, { target: Uint8Array.of(0, 1, 7, 255) }), limits, topology),
  );
  const names = Array.from(verdicts, (verdict) => verdictName(verdict));
  expect(names).toEqual(['none', 'target-forbidden', 'target-unknown', 'unsupported']);
  expect([...order]).toEqual([0]);
  expect(pages).toBe(1);
});

test('without a backend nothing is supported', () => {
  const idle = { ...limits, backends: new Set<never>() };
  const { verdicts } = expectValue(admit(plan, idle, topology));
  expect(verdictName(verdicts[0])).toBe('unsupported');
});

test.each([
  [['move_pages'], 'none', 'none'],
  [['move_phys_pages'], 'unsupported', 'none'],
  [['move_phys_pages', 'move_pages'], 'none', 'none'],
] as const)('%s: virtual entries are %s, physical ones %s', (backends, virtual, physical) => {
  const able = { ...limits, backends: new Set(backends) };
  for (const [space, name] of [virtual, physical].entries()) {
    const { verdicts } = expectValue(admit(wide(1, { space: Uint8Array.of(space) }), able, topology));
    expect(verdictName(verdicts[0])).toBe(name);
  }
});

test('higher priority comes first, ties by position', () => {
  const priority = Uint16Array.of(5, 65_535, 0, 5, 256, 65_535);
  expect([...expectValue(admit(wide(6, { priority }), limits, topology)).order]).toEqual([1, 5, 4, 0, 3, 2]);
});

/** Values that columns can hold and should not. */
const odd = fc.constantFrom<unknown>(
  ...[NaN, -1, 2 ** 60, Infinity, 0, 1.5, '1', null, undefined, [], {}, 10n],
  ...[new Float64Array([NaN, -1]), new Uint32Array([0]), new Uint8Array(3), new Uint16Array([9])],
);
const key = fc.constantFrom(...Object.keys(plan));
const path = fc.oneof(key, fc.tuple(fc.constantFrom('owners', 'headroom'), fc.constant(0)).map(String));

test('whatever is wrong with a plan, it is answered and not thrown', async () => {
  populate(two, 10, 1, 1);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(path, odd), { maxLength: 3 }), async (changes) => {
      const broken: Record<string, unknown> = { ...plan };
      for (const [where, value] of changes) {
        const [name, index] = where.split(',');
        broken[name] = index === undefined ? value : [value];
      }
      const before = two.machine.nodeOf(two.owner, 10);
      const answer = await two.executor.submit(broken as unknown as BoundPlan);
      if (!answer.ok) expect(two.machine.nodeOf(two.owner, 10)).toBe(before);
      if (!answer.ok) expect(answer.message).not.toContain('\n');
      expect(answer.ok || answer.code.length > 0).toBe(true);
    }),
    { numRuns: repetitions({ slice: 1_000, full: 50_000 }) },
  );
});
