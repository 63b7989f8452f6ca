import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isOfUser, readUids } from '../../executor/procfs/proc.ts';
import { readText } from '../../executor/procfs/read-file.ts';
import type { ScopeMembers } from '../../executor/kernel.ts';

/** Process ids that belong to a cgroup subtree (v2) or to a user now, ascending. */
export function listMembers(root: string, members: ScopeMembers): number[] {
  const pids =
    members.kind === 'cgroup'
      ? listCgroup(join(root, 'sys/fs/cgroup', members.path))
      : listUser(root, members.uid);
  return pids.sort((a, b) => a - b);
}

/** A group that vanishes while it is read has no members. */
function listCgroup(folder: string): number[] {
  const procs = readText(join(folder, 'cgroup.procs'));
  const own = procs.ok ? procs.value.split('\n').filter(Boolean).map(Number) : [];
  const below = listFolders(folder).flatMap((name) => listCgroup(join(folder, name)));
  return [...own, ...below];
}

function listUser(root: string, uid: number): number[] {
  const pids = listFolders(join(root, 'proc'))
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => {
    const uids = readUids(root, pid);
    return uids.ok && isOfUser(uids.value, uid);
  });
}

function listFolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
