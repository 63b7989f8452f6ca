import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseNumaMapping } from './numa-maps.ts';
import { isCgroupPath, isOfUser, procPath, readUids } from './proc.ts';
import { readFailure, readText } from './read-file.ts';
import { failure, success, type Result } from '../result.ts';

/** Base pages by node id. */
export type PagesByNode = ReadonlyMap<number, number>;

const pageBytes = 4_096;

/**
 * What a cgroup and its descendants hold, from memory.numa_stat (cgroup v2): anonymous memory, and the page
 * cache with shared memory in it. Pages in the swap cache count twice, hugetlb pages not at all. The kernel
 * batches the counters: up to 64 pages a CPU and counter are not shown yet, and flushes them lazily (every 2 s
 * at the latest), so a caller that has just moved pages must remember what it did.
 */
export function readCgroupUsage(root: string, path: string): Result<PagesByNode> {
  if (!isCgroupPath(path))
    return failure('scope-malformed', `${path} is no absolute cgroup path; correct the limits file`);
  const text = readText(join(root, 'sys/fs/cgroup', path, 'memory.numa_stat'));
  if (!text.ok)
    return failure(
      text.code,
      `${text.message}; does the cgroup exist, with the memory controller of cgroup v2?`,
    );
  const pages = new Map<number, number>();
  for (const line of text.value.split('\n')) {
    if (!/^(anon|file) /.test(line)) continue;
    for (const [, node, bytes] of line.matchAll(/ N(\d+)=(\d+)/g))
      add(pages, Number(node), Math.ceil(Number(bytes) / pageBytes));
  }
  return success(pages);
}

/**
 * What the processes of a user map, from their numa_maps. Memory that several of them share counts once for
 * each, so the sum is never too small. The kernel walks every page table of theirs for it.
 */
export function readUserUsage(root: string, uid: number): Result<PagesByNode> {
  const folder = join(root, 'proc');
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    return readFailure(folder, error);
  }
  const pages = new Map<number, number>();
  for (const name of names) {
    if (!/^[1-9]\d*$/.test(name)) continue;
    const uids = readUids(root, Number(name));
    if (!uids.ok || !isOfUser(uids.value, uid)) continue;
    const maps = readText(procPath(root, Number(name), 'numa_maps'));
    // A process that exited holds nothing; anything else unreadable would make the sum too small.
    if (!maps.ok && maps.code !== 'file-missing') return maps;
    if (maps.ok) addMappings(pages, maps.value);
  }
  return success(pages);
}

function addMappings(pages: Map<number, number>, text: string): void {
  for (const line of text.split('\n'))
    for (const [node, count] of parseNumaMapping(line)?.pagesByNode ?? []) add(pages, node, count);
}

function add(pages: Map<number, number>, node: number, count: number): void {
  pages.set(node, (pages.get(node) ?? 0) + count);
}
