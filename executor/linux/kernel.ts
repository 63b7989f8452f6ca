import type { Kernel, ScopeMembers } from '../kernel.ts';
import type { OwnerRef } from '../plan.ts';
import { checkOwnerRef, isCgroupWithin, isOfUser, readCgroup, readUids } from '../procfs/proc.ts';
import type { ReadFault } from '../procfs/read-file.ts';
import { readTopology } from '../procfs/read-topology.ts';
import { success, type Result } from '../result.ts';
import { readCgroupUsage, readUserUsage } from '../procfs/usage.ts';
import { openFrameFlags } from './frame-flags.ts';
import { openOwnerMemory } from './owner-memory.ts';

export interface LinuxOptions {
  /** Where /proc and /sys are found; `/` but in tests. System calls always go to this machine. */
  readonly root: string;
  /** Monotonic, in nanoseconds. */
  readonly nowNs: () => number;
}

/** The machine itself. Fails when /proc/kpageflags may not be read, without which no page can be judged. */
export function openLinuxKernel({ root, nowNs }: LinuxOptions): Result<Kernel, ReadFault> {
  const frames = openFrameFlags(root);
  if (!frames.ok) return frames;
  return success({
    topology: () => readTopology(root),
    open: (ref) => openOwnerMemory(root, ref, frames.value, nowNs),
    isMember: (ref, members) => isMember(root, ref, members),
    usage: (members) =>
      members.kind === 'cgroup' ? readCgroupUsage(root, members.path) : readUserUsage(root, members.uid),
    close: () => frames.value.close(),
  });
}

/** Read between two looks at the identity, so that the answer is about the process that `ref` names. */
function isMember(root: string, ref: OwnerRef, members: ScopeMembers): boolean {
  return checkOwnerRef(root, ref).ok && belongs(root, ref.pid, members) && checkOwnerRef(root, ref).ok;
}

function belongs(root: string, pid: number, members: ScopeMembers): boolean {
  if (members.kind === 'cgroup') {
    const path = readCgroup(root, pid);
    return path.ok && isCgroupWithin(path.value, members.path);
  }
  const uids = readUids(root, pid);
  return uids.ok && isOfUser(uids.value, members.uid);
}
