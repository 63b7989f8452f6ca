import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Inodes of a cgroup (v2) and all below it, as kpagecgroup tells them. A group that vanishes has none: its
 * frames are charged to its parent from then on. Source: mem_cgroup_ino, mm/memcontrol.c.
 */
export function listCgroupInodes(root: string, path: string): ReadonlySet<number> {
  const inodes = new Set<number>();
  const folders = [join(root, 'sys/fs/cgroup', path)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      // Rounded exactly as two lanes are when they are put together.
      inodes.add(Number(statSync(folder, { bigint: true }).ino));
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) folders.push(join(folder, entry.name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  return inodes;
}
