import { describe, expect, test } from 'vitest';
import { FACT } from '../../executor/kernel.ts';
import type { Limits } from '../../executor/limits.ts';
import type { PlanOwners } from '../../executor/owners.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { MAPPERS } from '../../executor/frame-mappers.ts';
import type { FrameRows, Rows } from '../../executor/resolve.ts';
import { type Ground, judgePairs, measureRoom, validate } from '../../executor/validate.ts';
import { VERDICT, verdictName } from '../../executor/verdict.ts';
import { createTwoTier, expectValue } from './two-tier.ts';

const two = createTwoTier();
const topology = expectValue(two.machine.kernel.topology());
const scopeJson = { members: { kind: 'uid', uid: 0 }, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 10 };
const read = (top: object = {}, scope: object = {}): Limits =>
  expectValue(parseLimits({ scopes: { all: { ...scopeJson, ...scope } }, ...top }));
const limits = read();
const all = limits.scopes.get('all')!;

interface Row {
  readonly flags?: number;
  readonly node?: number;
  readonly target?: number;
  readonly folioPages?: number;
  readonly partial?: number;
}

const plain = FACT.present | FACT.movable;

function rowsOf(list: readonly Row[]): Rows {
  const count = list.length;
  return {
    count,
    entry: Uint32Array.from(list, (_, i) => i),
    owner: new Uint16Array(count),
    page: Float64Array.from(list, (_, i) => i),
    target: Uint8Array.from(list, ({ target = 0 }) => target),
    verdict: new Uint8Array(count),
    movedPages: new Uint32Array(count),
    flags: Uint8Array.from(list, ({ flags = plain }) => flags),
    node: Int16Array.from(list, ({ node = 1 }) => node),
    folioStart: Float64Array.from(list, (_, i) => i),
    folioPages: Uint32Array.from(list, ({ folioPages = 1 }) => folioPages),
    partial: Uint8Array.from(list, ({ partial = 0 }) => partial),
    byPage: Uint32Array.from(list, (_, i) => i),
  };
}

const memory = expectValue(two.machine.kernel.open(two.owner));
const ownersWith = (verdict: number, allowed: readonly number[] = [0, 1]): PlanOwners => [
  {
    memory,
    verdict,
    allowed: Uint8Array.from({ length: 256 }, (_, node) => (allowed.includes(node) ? 1 : 0)),
  },
];
const ground: Ground = {
  room: new Float64Array(256).fill(1_000),
  usage: new Map(),
  quotaPages: 10_000,
  pairs: judgePairs(all, topology),
};

/** Each row a frame that these owners map. */
function mappedBy(list: readonly (readonly number[])[], changes: Partial<FrameRows> = {}): FrameRows {
  const counts = list.map(({ length }) => length);
  return {
    head: Float64Array.from(list, (_, i) => i),
    charged: new Float64Array(list.length),
    answer: new Uint8Array(list.length).fill(MAPPERS.complete),
    first: Uint32Array.from(counts, (_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0)),
    mappings: Uint32Array.from(counts),
    owner: Uint16Array.from(list.flat()),
    page: new Float64Array(list.flat().length),
    ...changes,
  };
}

function judge(
  list: readonly Row[],
  {
    owners = ownersWith(VERDICT.none),
    on = ground,
    by = limits,
    frames,
  }: { owners?: PlanOwners; on?: Ground; by?: Limits; frames?: FrameRows } = {},
): string[] {
  const rows = { ...rowsOf(list), ...(frames && { frames }) };
  const plan = validate(rows, rows.byPage, owners, on, by);
  const names = Array.from(plan.verdicts, (verdict) => verdictName(verdict) ?? '');
  expect([...plan.permitted]).toEqual(names.flatMap((name, row) => (name === 'permitted' ? [row] : [])));
  expect([...rows.verdict]).toEqual(list.map(() => 0));
  return names;
}

describe('each reason', () => {
  test.each<[string, Row, string]>([
    ['a page of the right kind', {}, 'permitted'],
    ['nothing there', { flags: 0, node: -1 }, 'not-present'],
    ['there, but on no node (the zero page)', { flags: FACT.present, node: -1 }, 'unmovable'],
    ['already there', { node: 0 }, 'in-place'],
    ['shared', { flags: plain | FACT.shared }, 'shared'],
    ['mlocked', { flags: plain | FACT.mlocked }, 'mlocked'],
    ['hugetlb', { flags: plain | FACT.hugetlb, folioPages: 512 }, 'hugetlb'],
    ['policy-bound', { flags: plain | FACT.policyBound }, 'policy-bound'],
    ['not on an LRU list', { flags: FACT.present }, 'unmovable'],
    ['a file page', { flags: plain | FACT.file }, 'permitted'],
    ['part of a huge page', { folioPages: 512, partial: 1 }, 'partial-huge'],
    ['a whole huge page', { folioPages: 512 }, 'permitted'],
    ['no such node', { target: 7 }, 'target-unknown'],
  ])('%s', (_, row, verdict) => {
    expect(judge([row])).toEqual([verdict]);
  });

  test.each(['owner-gone', 'out-of-scope', 'protected'] as const)('the owner: %s', (name) => {
    expect(judge([{}], { owners: ownersWith(VERDICT[name]) })).toEqual([name]);
  });

  test('an owner that could not be opened', () => {
    expect(judge([{}], { owners: [undefined] })).toEqual(['owner-gone']);
  });

  test('its cpuset', () => {
    expect(judge([{}, { node: 0, target: 1 }], { owners: ownersWith(0, [1]) })).toEqual([
      'cpuset',
      'permitted',
    ]);
  });

  test('a pair that is not allowed', () => {
    const scope = read({}, { pairs: [[0, 1]] }).scopes.get('all')!;
    const on = { ...ground, pairs: judgePairs(scope, topology) };
    expect(judge([{}, { node: 0, target: 1 }], { on })).toEqual(['target-forbidden', 'permitted']);
  });

  test('a source that the scope does not list', () => {
    const scope = read({}, { nodes: { '0': {} } }).scopes.get('all')!;
    expect(judge([{}], { on: { ...ground, pairs: judgePairs(scope, topology) } })).toEqual([
      'target-forbidden',
    ]);
  });

  test('the operator allows what is refused by default', () => {
    const by = read({
      allow: { mlocked: true, hugetlb: true, shared: true, policyBound: true },
      partialHuge: 'round',
    });
    const rows = [FACT.shared, FACT.mlocked, FACT.hugetlb, FACT.policyBound].map((bit) => ({
      flags: plain | bit,
    }));
    const names = judge([...rows, { folioPages: 512, partial: 1 }], { by });
    expect(new Set(names)).toEqual(new Set(['permitted']));
  });
});

describe('frames', () => {
  const shared = { flags: plain | FACT.shared };
  const allowing = read({ allow: { shared: true } });
  const four = [VERDICT.none, VERDICT.none, VERDICT['out-of-scope'], VERDICT.protected].flatMap((verdict) =>
    ownersWith(verdict),
  );

  test.each<[readonly number[], string]>([
    [[0], 'permitted'],
    [[], 'unknown'],
    [[0, 1], 'permitted'],
    [[0, 2], 'out-of-scope'],
    [[2, 0], 'out-of-scope'],
    [[0, 1, 3], 'protected'],
    [[0, 9], 'owner-gone'],
  ])('mapped by %j: %s', (mappers, verdict) => {
    const row = mappers.length > 1 ? shared : {};
    const answer = Uint8Array.of(mappers.length === 0 ? MAPPERS.unknown : MAPPERS.complete);
    expect(judge([row], { owners: four, by: allowing, frames: mappedBy([mappers], { answer }) })).toEqual([
      verdict,
    ]);
  });

  test('of which it is not known who else maps them', () => {
    const frames = mappedBy([[0], [0], [0]], {
      answer: Uint8Array.of(MAPPERS.unknown, MAPPERS.truncated, MAPPERS.complete),
    });
    expect(judge([{}, {}, shared], { by: allowing, frames })).toEqual(['unknown', 'unknown', 'unknown']);
    expect(judge([{}, {}, shared], { frames })).toEqual(['unknown', 'unknown', 'shared']);
  });

  test('every cpuset counts', () => {
    const owners = [...ownersWith(0, [0, 1]), ...ownersWith(0, [1])];
    const frames = mappedBy([[0], [0, 1], [1, 0]]);
    expect(judge([{}, shared, shared], { owners, by: allowing, frames })).toEqual([
      'permitted',
      'cpuset',
      'cpuset',
    ]);
  });

  test('whoever is charged must be of the scope, if anybody is', () => {
    const frames = mappedBy([[0], [0], [0], [0]], { charged: Float64Array.of(0, 77, 78, -1) });
    const foreign = 'out-of-scope';
    expect(judge([{}, {}, {}, {}], { on: { ...ground, cgroups: new Set([77]) }, frames })).toEqual([
      'permitted',
      'permitted',
      foreign,
      foreign,
    ]);
    expect(new Set(judge([{}, {}, {}, {}], { frames }))).toEqual(new Set(['permitted']));
  });

  test('move together only when several map them, and addresses never', () => {
    const rows = rowsOf([{}, shared, {}]);
    const frames = mappedBy([[0], [0, 1], [1]]);
    const mapped = validate({ ...rows, frames }, rows.byPage, four, ground, allowing);
    expect([...mapped.together]).toEqual([0, 1, 0]);
    expect([...validate(rows, rows.byPage, four, ground, allowing).together]).toEqual([0, 0, 0]);
  });
});

describe('room and quota', () => {
  const roomOf = (pages: number) => ({ ...ground, room: new Float64Array(256).fill(pages) });

  test('are used up page by page, in the order asked', () => {
    expect(judge([{}, {}, {}], { on: roomOf(2) })).toEqual(['permitted', 'permitted', 'no-room']);
    expect(judge([{}, {}, {}], { on: { ...ground, quotaPages: 2 } })).toEqual([
      'permitted',
      'permitted',
      'over-budget',
    ]);
  });

  test('take a huge page whole or not at all, and leave the rest to smaller ones', () => {
    expect(judge([{ folioPages: 512 }, {}], { on: roomOf(512) })).toEqual(['permitted', 'no-room']);
    expect(judge([{ folioPages: 512 }, {}], { on: roomOf(511) })).toEqual(['no-room', 'permitted']);
    const on = { ...ground, quotaPages: 511 };
    expect(judge([{ folioPages: 512 }, {}], { on })).toEqual(['over-budget', 'permitted']);
  });

  test('pages that leave make no room in the same round', () => {
    expect(judge([{ node: 0, target: 1 }, {}], { on: { ...ground, room: Float64Array.of(0, 5) } })).toEqual([
      'permitted',
      'no-room',
    ]);
  });

  const nodes = topology.nodes.map((node) => ({ ...node, free: 100, watermark: 30 }));
  const measure = (by: Limits, headroom = 0, held = 0) =>
    measureRoom(
      by.scopes.get('all')!,
      by,
      { ...topology, nodes },
      new Map([[0, held]]),
      headroom ? [{ node: 0, pages: headroom }] : [],
    )[0];

  test('room is free less watermark, reserve and headroom, and within the share', () => {
    expect(measure(limits)).toBe(70);
    expect(measure(read({ reservePages: { '0': 20 } }))).toBe(50);
    expect(measure(read({ reservePages: { '0': 80 } }))).toBe(0);
    expect(measure(read({ headroomPagesMax: 40 }), 10)).toBe(60);
    expect(measure(read({ headroomPagesMax: 40 }), 500)).toBe(30);
    expect(measure(limits, 500)).toBe(70);
    expect(measure(read({}, { nodes: { '0': { pagesMax: 64 } } }), 0, 60)).toBe(4);
    expect(measure(read({}, { nodes: { '0': { pagesMax: 64 } } }), 0, 65)).toBe(0);
    expect(measure(read({}, { nodes: { '1': {} } }))).toBe(0);
  });
});
