import { describe, expect, test } from 'vitest';
import { BOUNDS } from '../../executor/limits.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { expectValue } from './two-tier.ts';

const scope = { members: { kind: 'uid', uid: 1_000 }, nodes: { '0': {}, '1': {} }, pagesPerEpochMax: 10 };

const full = {
  scopes: {
    web: {
      members: { kind: 'cgroup', path: '/machine.slice/web/' },
      nodes: { '0': { pagesMax: 24_576 }, '2': {} },
      pairs: [[0, 2]],
      pagesPerEpochMax: 4_096,
      bytesPerSecondMax: 104_857_600,
    },
  },
  reservePages: { '0': 1_024 },
  headroomPagesMax: 65_536,
  protectedPids: [1],
  protectedCgroups: ['/system.slice'],
  protectedUids: [0],
  backends: ['move_phys_pages', 'move_pages'],
  movePhysPages: { number: 480 },
  walkReverseMap: true,
  callLatencyTargetMs: 20,
  allow: { mlocked: true, hugetlb: false, shared: false, policyBound: false },
  partialHuge: 'round',
  journal: { path: '/var/log/terrace/executor.jsonl', bytesMax: 1_048_576 },
  topology: { '3': { tier: 2, latencyNs: 900 }, '4': {} },
};

describe('a limits file', () => {
  test('says everything it may', () => {
    const limits = expectValue(parseLimits(full));
    expect(limits.scopes.get('web')).toEqual({
      name: 'web',
      members: { kind: 'cgroup', path: '/machine.slice/web' },
      nodes: new Map([
        [0, { pagesMax: 24_576 }],
        [2, {}],
      ]),
      pairs: [[0, 2]],
      pagesPerEpochMax: 4_096,
      bytesPerSecondMax: 104_857_600,
    });
    expect(limits.protectedMembers).toEqual([
      { kind: 'cgroup', path: '/system.slice' },
      { kind: 'uid', uid: 0 },
    ]);
    expect(limits).toMatchObject({ partialHuge: 'round', journal: full.journal, allow: full.allow });
    expect([...limits.backends]).toEqual(full.backends);
    expect(limits).toMatchObject({ movePhysPages: { number: 480 }, walkReverseMap: true });
    expect(limits.reservePages).toEqual(new Map([[0, 1_024]]));
    expect(limits.topology).toEqual(
      new Map([
        [3, { tier: 2, latencyNs: 900 }],
        [4, {}],
      ]),
    );
  });

  test('needs scopes only; the rest keeps everything in place', () => {
    const limits = expectValue(parseLimits({ scopes: { web: scope } }));
    expect(limits).toMatchObject({
      headroomPagesMax: 0,
      callLatencyTargetMs: 20,
      allow: { mlocked: false, hugetlb: false, shared: false, policyBound: false },
      partialHuge: 'refuse',
      walkReverseMap: false,
    });
    expect([...limits.backends]).toEqual(['move_pages']);
  });
});

const withScope = (changes: object) => ({ scopes: { web: { ...scope, ...changes } } });
const withTop = (changes: object) => ({ scopes: { web: scope }, ...changes });
const many = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const scopes = (count: number) => Object.fromEntries(many(count).map((i) => [`s${i}`, scope]));

describe('is refused, naming path, value and what is allowed', () => {
  test.each<[unknown, string]>([
    [null, 'limits is null; allowed: an object'],
    [[], 'limits is []; allowed: an object'],
    [{}, 'limits.scopes is undefined; allowed: an object'],
    [{ scopes: {} }, 'limits.scopes is 0 scopes; allowed: 1 to 1024 scopes'],
    [{ scopes: scopes(BOUNDS.limitsScopesMax + 1) }, 'limits.scopes is 1025 scopes'],
    [{ scopes: { 'a b': scope } }, 'limits.scopes.a b is a b; allowed: a name'],
    [JSON.parse('{"scopes":{"__proto__":{}}}'), 'limits.scopes.__proto__ is __proto__'],
    [withTop({ headroomPageMax: 1 }), 'limits is key "headroomPageMax"; allowed: only scopes'],
    [withTop({ headroomPagesMax: -1 }), 'limits.headroomPagesMax is -1; allowed: a whole number'],
    [withTop({ headroomPagesMax: 1.5 }), 'limits.headroomPagesMax is 1.5'],
    [withTop({ headroomPagesMax: NaN }), 'limits.headroomPagesMax is null'],
    [withTop({ reservePages: { '01': 1 } }), 'limits.reservePages is 01; allowed: node ids as keys'],
    [
      withTop({ reservePages: { '255': 1 } }),
      'limits.reservePages.255 is 255; allowed: a whole number from 0 to 254',
    ],
    [withTop({ reservePages: { '0': '7' } }), 'limits.reservePages.0 is 7'],
    [withTop({ protectedPids: 1 }), 'limits.protectedPids is 1; allowed: a list'],
    [withTop({ protectedPids: [1, 0] }), 'limits.protectedPids[1] is 0'],
    [withTop({ protectedPids: many(BOUNDS.limitsListMax + 1) }), 'limits.protectedPids is 4097 items'],
    [withTop({ protectedUids: [-1] }), 'limits.protectedUids[0] is -1'],
    [
      withTop({ protectedCgroups: ['system.slice'] }),
      'limits.protectedCgroups[0] is system.slice; allowed: an absolute path',
    ],
    [withTop({ protectedCgroups: ['/a/../b'] }), 'limits.protectedCgroups[0] is /a/../b'],
    [
      withTop({ protectedCgroups: [`/${'a'.repeat(BOUNDS.pathBytesMax)}`] }),
      'limits.protectedCgroups[0] is /aaa',
    ],
    [withTop({ backends: ['swap'] }), 'limits.backends[0] is swap; allowed: move_pages or move_phys_pages'],
    [
      withTop({ backends: ['move_phys_pages'] }),
      'limits.movePhysPages is missing; allowed: the number that the kernel gave the call',
    ],
    [
      withTop({ movePhysPages: { number: 0 } }),
      'limits.movePhysPages.number is 0; allowed: a whole number from 1 to 4095',
    ],
    [withTop({ movePhysPages: 480 }), 'limits.movePhysPages is 480; allowed: an object'],
    [withTop({ walkReverseMap: 1 }), 'limits.walkReverseMap is 1; allowed: true or false'],
    [
      withTop({ callLatencyTargetMs: 0 }),
      'limits.callLatencyTargetMs is 0; allowed: a whole number from 1 to 1000',
    ],
    [withTop({ callLatencyTargetMs: 1_001 }), 'limits.callLatencyTargetMs is 1001'],
    [withTop({ allow: { mlock: true } }), 'limits.allow is key "mlock"'],
    [withTop({ allow: { mlocked: 1 } }), 'limits.allow.mlocked is 1; allowed: true or false'],
    [withTop({ partialHuge: 'split' }), 'limits.partialHuge is split; allowed: refuse or round'],
    [withTop({ journal: { bytesMax: BOUNDS.journalBytesMin - 1 } }), 'limits.journal.bytesMax is 65535'],
    [withTop({ journal: { bytesMax: BOUNDS.journalBytesMax + 1 } }), 'limits.journal.bytesMax is 1073741825'],
    [withTop({ journal: { path: 'log' } }), 'limits.journal.path is log; allowed: an absolute path'],
    [withScope({ quota: 1 }), 'limits.scopes.web is key "quota"'],
    [
      withScope({ members: { kind: 'pid' } }),
      'limits.scopes.web.members.kind is pid; allowed: cgroup or uid',
    ],
    [withScope({ members: { kind: 'uid', path: '/' } }), 'limits.scopes.web.members is key "path"'],
    [withScope({ members: { kind: 'uid' } }), 'limits.scopes.web.members.uid is undefined'],
    [withScope({ nodes: {} }), 'limits.scopes.web.nodes is {}; allowed: at least one node'],
    [withScope({ nodes: { '0': { pages: 1 } } }), 'limits.scopes.web.nodes.0 is key "pages"'],
    [withScope({ pairs: [[0, 1, 0]] }), 'limits.scopes.web.pairs[0] is [0,1,0]; allowed: a pair'],
    [withScope({ pairs: [[0, 0]] }), 'limits.scopes.web.pairs[0] is [0,0]; allowed: two different nodes'],
    [withScope({ pairs: [[0, 2]] }), 'limits.scopes.web.pairs[0] is [0,2]; allowed: two different nodes'],
    [withScope({ pagesPerEpochMax: undefined }), 'limits.scopes.web.pagesPerEpochMax is undefined'],
    [withScope({ bytesPerSecondMax: '1G' }), 'limits.scopes.web.bytesPerSecondMax is 1G'],
  ])('%j', (json, message) => {
    const limits = parseLimits(json);
    expect(limits).toMatchObject({ ok: false, code: 'limits-malformed' });
    expect(!limits.ok && limits.message).toContain(message);
    expect(!limits.ok && limits.message).not.toContain('\n');
  });
});

test.each<[object, string]>([
  [{ '3': { rank: 1 } }, 'limits.topology.3 is key "rank"'],
  [{ three: {} }, 'limits.topology is three; allowed: node ids as keys'],
  [{ '3': { tier: BOUNDS.tierMax + 1 } }, 'limits.topology.3.tier is 256'],
  [{ '3': { latencyNs: 0 } }, 'limits.topology.3.latencyNs is 0; allowed: a whole'],
  [{ '3': { bandwidthMib: BOUNDS.nodeFigureMax + 1 } }, 'limits.topology.3.bandwidthMib is 4294967296'],
])('overrides %j are refused likewise', (topology, message) => {
  const limits = parseLimits(withTop({ topology }));
  expect(limits).toMatchObject({ ok: false, code: 'limits-malformed' });
  expect(!limits.ok && limits.message).toContain(message);
});

test('bounds are reached exactly', () => {
  const atTheEdge = {
    scopes: scopes(BOUNDS.limitsScopesMax),
    protectedPids: many(BOUNDS.limitsListMax),
    callLatencyTargetMs: BOUNDS.callLatencyTargetMsMax,
    reservePages: { [BOUNDS.nodeMax]: BOUNDS.pageNumberMax },
    journal: { bytesMax: BOUNDS.journalBytesMax },
    topology: { '0': { tier: BOUNDS.tierMax, latencyNs: BOUNDS.nodeFigureMax, bandwidthMib: 1 } },
  };
  expect(parseLimits(atTheEdge).ok).toBe(true);
});
