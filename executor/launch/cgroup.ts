import { mkdirSync, readdirSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readText } from '../procfs/read-file.ts';
import { failure, success, type Result } from '../result.ts';
import type { HostCgroup } from './config.ts';
import { LAUNCH_BOUNDS } from './limits.ts';
import { checkRootOwned } from './root-owned.ts';

/** CGROUP2_SUPER_MAGIC; include/uapi/linux/magic.h. */
const cgroupV2Magic = 0x6367_7270;
const POLL_MS = 10;

/** Groups of hosts, by which a later launcher knows what a dead one left. */
const HOST_GROUP_NAME = /^terrace-host-\d+$/;

export type CgroupFault = 'cgroup-unusable';

/** Makes the parent where it is missing, ends what a dead launcher left in it, and turns its controllers on. */
export async function prepareCgroups({ parent }: HostCgroup): Promise<Result<true, CgroupFault>> {
  try {
    mkdirSync(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return unusable(parent, (error as Error).message);
  }
  const owned = checkRootOwned(parent);
  if (!owned.ok) return unusable(parent, owned.message);
  if (statfsSync(parent).type !== cgroupV2Magic)
    return unusable(parent, 'it is not in a cgroup v2 hierarchy');
  for (const name of readdirSync(parent).filter((each) => HOST_GROUP_NAME.test(each)))
    if (!(await removeCgroup(join(parent, name)))) return unusable(parent, `${name} does not empty`);
  try {
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory +pids');
    return success(true);
  } catch (error) {
    return unusable(
      parent,
      `${(error as Error).message}; the group above must offer memory and pids, and no process may be in it`,
    );
  }
}

function unusable(parent: string, why: string): Result<never, CgroupFault> {
  return failure(
    'cgroup-unusable',
    `${parent} cannot hold hosts: ${why}; choose another cgroup.parent, or leave cgroup out`,
  );
}

/** The group that one host enters. All of it ends together when memory runs out, and nothing of it is swapped. */
export function makeCgroup({ parent, memoryBytesMax, pidsMax }: HostCgroup, host: number): string {
  const folder = join(parent, `terrace-host-${host}`);
  mkdirSync(folder);
  const write = (file: string, value: string): void => writeFileSync(join(folder, file), value);
  write('memory.max', `${memoryBytesMax}`);
  write('memory.oom.group', '1');
  write('pids.max', `${pidsMax}`);
  try {
    write('memory.swap.max', '0');
  } catch {
    // A kernel without swap accounting has no such file.
  }
  return folder;
}

/** Whether the kernel ended a process in the group for want of memory; Documentation/admin-guide/cgroup-v2.rst. */
export function ranOutOfMemory(folder: string): boolean {
  const events = readText(join(folder, 'memory.events'), LAUNCH_BOUNDS.eventsBytesMax);
  return events.ok && /^oom_kill [1-9]/m.test(events.value);
}

/** Ends whatever is in the group, and the group. False when something in it does not die. */
export async function removeCgroup(folder: string): Promise<boolean> {
  for (let waited = 0; waited <= LAUNCH_BOUNDS.emptyMsMax; waited += POLL_MS) {
    try {
      writeFileSync(join(folder, 'cgroup.kill'), '1');
      rmdirSync(folder);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    }
    await sleep(POLL_MS);
  }
  return false;
}
