import {
  absolutePath,
  checkJson,
  fields,
  folderPath as cgroupPath,
  list,
  oneOf,
  refuse,
  truth,
  userId,
  whole,
} from './check-json.ts';
import type { Reader } from './check-json.ts';
import type { ScopeMembers } from './kernel.ts';
import { type Backend, BOUNDS, type Limits, type NodeLimit, type Scope } from './limits.ts';
import type { NodeOverride } from './override-topology.ts';
import type { Result } from './result.ts';

const TOP_KEYS =
  'scopes reservePages headroomPagesMax protectedPids protectedCgroups protectedUids backends movePhysPages ' +
  'walkReverseMap callLatencyTargetMs allow partialHuge journal topology';

/**
 * Checks the operator's limits, already read as JSON. Strict: an unknown key is refused, since a
 * misspelt limit would otherwise be no limit. Messages name the path, the value and what is allowed.
 */
export function parseLimits(json: unknown): Result<Limits, 'limits-malformed'> {
  return checkJson('limits-malformed', () => readLimits(json));
}

function readLimits(json: unknown): Limits {
  const top = fields(json, 'limits', TOP_KEYS);
  const cgroups = list(top.protectedCgroups ?? [], 'limits.protectedCgroups', cgroupPath);
  const uids = list(top.protectedUids ?? [], 'limits.protectedUids', userId);
  return {
    scopes: readScopes(top.scopes),
    reservePages: readByNode(top.reservePages ?? {}, 'limits.reservePages', pageCount),
    headroomPagesMax: pageCount(top.headroomPagesMax ?? 0, 'limits.headroomPagesMax'),
    protectedPids: new Set(list(top.protectedPids ?? [], 'limits.protectedPids', processId)),
    protectedMembers: [
      ...cgroups.map((path): ScopeMembers => ({ kind: 'cgroup', path })),
      ...uids.map((uid): ScopeMembers => ({ kind: 'uid', uid })),
    ],
    ...readBackends(top.backends ?? ['move_pages'], top.movePhysPages),
    walkReverseMap: truth(top.walkReverseMap ?? false, 'limits.walkReverseMap'),
    callLatencyTargetMs: whole(
      top.callLatencyTargetMs ?? 20,
      'limits.callLatencyTargetMs',
      1,
      BOUNDS.callLatencyTargetMsMax,
    ),
    allow: readAllow(top.allow ?? {}),
    partialHuge: oneOf(top.partialHuge ?? 'refuse', 'limits.partialHuge', ['refuse', 'round']),
    journal: readJournalLimits(top.journal ?? {}),
    topology: readByNode(top.topology ?? {}, 'limits.topology', readNodeOverride),
  };
}

function readScopes(value: unknown): ReadonlyMap<string, Scope> {
  const entries = Object.entries(fields(value, 'limits.scopes'));
  if (entries.length < 1 || entries.length > BOUNDS.limitsScopesMax) {
    refuse('limits.scopes', `${entries.length} scopes`, `1 to ${BOUNDS.limitsScopesMax} scopes`);
  }
  return new Map(entries.map(([name, scope]) => [name, readScope(name, scope)]));
}

function readScope(name: string, value: unknown): Scope {
  const path = `limits.scopes.${name}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    refuse(path, name, 'a name of up to 64 letters, digits, dots, dashes and underscores');
  }
  const scope = fields(value, path, 'members nodes pairs pagesPerEpochMax bytesPerSecondMax');
  const nodes = readByNode(scope.nodes, `${path}.nodes`, readNodeLimit);
  if (nodes.size === 0) refuse(`${path}.nodes`, scope.nodes, 'at least one node');
  return {
    name,
    members: readMembers(scope.members, `${path}.members`),
    nodes,
    ...(scope.pairs !== undefined && { pairs: readPairs(scope.pairs, `${path}.pairs`, nodes) }),
    pagesPerEpochMax: pageCount(scope.pagesPerEpochMax, `${path}.pagesPerEpochMax`),
    ...(scope.bytesPerSecondMax !== undefined && {
      bytesPerSecondMax: whole(
        scope.bytesPerSecondMax,
        `${path}.bytesPerSecondMax`,
        0,
        Number.MAX_SAFE_INTEGER,
      ),
    }),
  };
}

function readMembers(value: unknown, path: string): ScopeMembers {
  const kind = oneOf(fields(value, path).kind, `${path}.kind`, ['cgroup', 'uid']);
  if (kind === 'cgroup') {
    return { kind, path: cgroupPath(fields(value, path, 'kind path').path, `${path}.path`) };
  }
  return { kind, uid: userId(fields(value, path, 'kind uid').uid, `${path}.uid`) };
}

function readNodeLimit(value: unknown, path: string): NodeLimit {
  const { pagesMax } = fields(value, path, 'pagesMax');
  return pagesMax === undefined ? {} : { pagesMax: pageCount(pagesMax, `${path}.pagesMax`) };
}

function readPairs(value: unknown, path: string, nodes: ReadonlyMap<number, unknown>) {
  return list(value, path, (item, itemPath) => {
    const pair = list(item, itemPath, nodeId);
    const [from, to] = pair;
    if (pair.length !== 2 || from === undefined || to === undefined) {
      return refuse(itemPath, item, 'a pair [from, to] of node ids');
    }
    if (from === to || !nodes.has(from) || !nodes.has(to)) {
      return refuse(itemPath, item, "two different nodes out of the scope's `nodes`");
    }
    return [from, to] as const;
  });
}

function readBackends(value: unknown, numbered: unknown): Pick<Limits, 'backends' | 'movePhysPages'> {
  const path = 'limits.movePhysPages';
  const backends = new Set(list(value, 'limits.backends', backend));
  if (numbered === undefined) {
    if (backends.has('move_phys_pages')) refuse(path, 'missing', 'the number that the kernel gave the call');
    return { backends };
  }
  const { number } = fields(numbered, path, 'number');
  return { backends, movePhysPages: { number: whole(number, `${path}.number`, 1, 4_095) } };
}

function readAllow(value: unknown): Limits['allow'] {
  const allow = fields(value, 'limits.allow', 'mlocked hugetlb shared policyBound');
  return {
    mlocked: truth(allow.mlocked ?? false, 'limits.allow.mlocked'),
    hugetlb: truth(allow.hugetlb ?? false, 'limits.allow.hugetlb'),
    shared: truth(allow.shared ?? false, 'limits.allow.shared'),
    policyBound: truth(allow.policyBound ?? false, 'limits.allow.policyBound'),
  };
}

function readJournalLimits(value: unknown): Limits['journal'] {
  const journal = fields(value, 'limits.journal', 'path bytesMax');
  const { journalBytesMin: min, journalBytesMax: max } = BOUNDS;
  return {
    ...(journal.path !== undefined && { path: absolutePath(journal.path, 'limits.journal.path') }),
    bytesMax: whole(journal.bytesMax ?? 67_108_864, 'limits.journal.bytesMax', min, max),
  };
}

function readNodeOverride(value: unknown, path: string): NodeOverride {
  const { tier, latencyNs, bandwidthMib } = fields(value, path, 'tier latencyNs bandwidthMib');
  const figure = (given: unknown, name: string) => whole(given, `${path}.${name}`, 1, BOUNDS.nodeFigureMax);
  return {
    ...(tier !== undefined && { tier: whole(tier, `${path}.tier`, 0, BOUNDS.tierMax) }),
    ...(latencyNs !== undefined && { latencyNs: figure(latencyNs, 'latencyNs') }),
    ...(bandwidthMib !== undefined && { bandwidthMib: figure(bandwidthMib, 'bandwidthMib') }),
  };
}

function readByNode<T>(value: unknown, path: string, read: Reader<T>): ReadonlyMap<number, T> {
  const entries = Object.entries(fields(value, path));
  return new Map(
    entries.map(([key, item]) => {
      if (!/^(0|[1-9][0-9]{0,2})$/.test(key)) refuse(path, key, 'node ids as keys');
      return [nodeId(Number(key), `${path}.${key}`), read(item, `${path}.${key}`)];
    }),
  );
}

const pageCount: Reader<number> = (value, path) => whole(value, path, 0, BOUNDS.pageNumberMax);
const nodeId: Reader<number> = (value, path) => whole(value, path, 0, BOUNDS.nodeMax);
const processId: Reader<number> = (value, path) => whole(value, path, 1, BOUNDS.pidMax);
const backend: Reader<Backend> = (value, path) => oneOf(value, path, ['move_pages', 'move_phys_pages']);
