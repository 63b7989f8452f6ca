import type { Config, ScopeConfig } from './config.ts';
import type { Path } from './faults.ts';

export type OverlapFault = 'scopes-mixed' | 'scopes-overlap' | 'sockets-shared';

export interface Overlap {
  readonly code: OverlapFault;
  /** Where the second of the two stands in the file. */
  readonly path: Path;
  readonly message: string;
}

/**
 * What two scopes of one daemon must not have in common. All are of one kind, since nobody can tell from a file
 * whether a user has processes in a cgroup.
 */
export function findOverlaps(config: Config): readonly Overlap[] {
  const { scopes } = config;
  return [...scopes.flatMap((scope, i) => findRivals(scope, scopes.slice(0, i))), ...findShared(config)];
}

function findRivals(scope: ScopeConfig, before: readonly ScopeConfig[]): Overlap[] {
  const { name, members } = scope;
  const path = ['scopes', name, members.kind];
  const [first] = before;
  if (first !== undefined && first.members.kind !== members.kind) {
    const message =
      `scope ${name} is of a ${nounOf(members.kind)}, scope ${first.name} of a ${nounOf(first.members.kind)}: ` +
      'let all scopes of one daemon be of one kind, so that overlaps show';
    return [{ code: 'scopes-mixed', path, message }];
  }
  return before.flatMap((other) => {
    const reason = overlapOf(other, scope);
    if (reason === undefined) return [];
    const message = `scopes ${other.name} and ${name} overlap: ${reason}; take one of them out`;
    return [{ code: 'scopes-overlap', path, message }];
  });
}

function nounOf(kind: ScopeConfig['members']['kind']): string {
  return kind === 'uid' ? 'user' : 'cgroup';
}

function overlapOf({ members: a }: ScopeConfig, { members: b }: ScopeConfig): string | undefined {
  if (a.kind === 'uid' && b.kind === 'uid') return a.uid === b.uid ? `both are user ${a.uid}` : undefined;
  if (a.kind !== 'cgroup' || b.kind !== 'cgroup') return undefined;
  if (a.path === b.path) return `both are "${a.path}"`;
  if (contains(a.path, b.path)) return `"${a.path}" contains "${b.path}"`;
  return contains(b.path, a.path) ? `"${b.path}" contains "${a.path}"` : undefined;
}

function contains(outer: string, inner: string): boolean {
  return inner.startsWith(outer === '/' ? outer : `${outer}/`);
}

/** Each process listens on a socket of its own, and a sensor watches one scope. */
function findShared({ executor, launcher, control, scopes }: Config): Overlap[] {
  const sockets = [
    { path: ['executor'], socket: executor },
    { path: ['launcher'], socket: launcher },
    { path: ['control'], socket: control },
    ...scopes.map(({ name, sensor }) => ({ path: ['scopes', name, 'sensor'], socket: sensor })),
  ];
  const owners = new Map<string | undefined, string>();
  const overlaps: Overlap[] = [];
  for (const { path, socket } of sockets) {
    const name = path.join('.');
    const owner = owners.get(socket);
    if (socket === undefined) continue;
    if (owner === undefined) owners.set(socket, name);
    else
      overlaps.push({
        code: 'sockets-shared',
        path,
        message: `${name} is the socket of ${owner}, too: ${socket}; give it its own`,
      });
  }
  return overlaps;
}
