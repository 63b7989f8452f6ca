import { opendirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BOUNDS } from '../limits.ts';
import { failure, success, type Result } from '../result.ts';
import { isCgroupPath } from './proc.ts';
import { readFailure } from './read-file.ts';

/**
 * Inodes of a cgroup and of all below it, which is how /proc/kpagecgroup names them. A group that is removed
 * meanwhile is left out: the kernel names its parent from then on.
 */
export function readCgroupInodes(
  root: string,
  path: string,
  groupsMax: number = BOUNDS.cgroupsMax,
): Result<ReadonlySet<number>> {
  if (!isCgroupPath(path))
    return failure('scope-malformed', `${path} is no absolute cgroup path; correct the limits file`);
  const top = join(root, 'sys/fs/cgroup', path);
  const inodes = new Set<number>();
  const waiting = [top];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    try {
      inodes.add(statSync(folder).ino);
      waiting.push(...listFolders(folder));
    } catch (error) {
      const failed = readFailure(folder, error);
      if (folder === top || failed.code !== 'file-missing') return failed;
    }
    if (inodes.size + waiting.length > groupsMax)
      return failure('scope-too-wide', `${path} has more than ${groupsMax} groups; name a part of it`);
  }
  return success(inodes);
}

function listFolders(folder: string): string[] {
  const opened = opendirSync(folder);
  const names: string[] = [];
  try {
    for (let entry = opened.readSync(); entry; entry = opened.readSync())
      if (entry.isDirectory()) names.push(join(folder, entry.name));
  } finally {
    opened.closeSync();
  }
  return names;
}
