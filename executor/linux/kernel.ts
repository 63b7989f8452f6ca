import type { Kernel, ScopeMembers } from '../kernel.ts';
import type { FrameMapperSource } from '../frame-mappers.ts';
import type { OwnerRef } from '../plan.ts';
import { readCgroupInodes } from '../procfs/cgroup-inodes.ts';
import {
  checkOwnerRef,
  isCgroupWithin,
  isOfUser,
  readCgroup,
  readOwnerRef,
  readUids,
} from '../procfs/proc.ts';
import type { ReadFault } from '../procfs/read-file.ts';
import { readTopology } from '../procfs/read-topology.ts';
import { failure, success, type Result } from '../result.ts';
import { readCgroupUsage, readUserUsage } from '../procfs/usage.ts';
import { refused } from './call-arrays.ts';
import { openFrameCharges } from './frame-charges.ts';
import { readFrameFacts } from './frame-facts.ts';
import { openFrameFlags } from './frame-flags.ts';
import { ERRNO } from './libc.ts';
import type { FrameMover } from './move-phys-pages.ts';
import { openOwnerMemory } from './owner-memory.ts';

export interface LinuxOptions {
  /** Where /proc and /sys are found; `/` but in tests. System calls always go to this machine. */
  readonly root: string;
  /** Monotonic, in nanoseconds. */
  readonly nowNs: () => number;
  /** Finds who maps frames; without it no physical plan is carried out. Closed with the kernel. */
  readonly mappers?: FrameMapperSource;
  /** Where the operator gave the number of `move_phys_pages`. */
  readonly frameMover?: FrameMover;
}

/** The machine itself. Fails when /proc/kpageflags may not be read, without which no page can be judged. */
export function openLinuxKernel(options: LinuxOptions): Result<Kernel, ReadFault> {
  const { root, nowNs, mappers, frameMover } = options;
  const flags = openFrameFlags(root);
  if (!flags.ok) return flags;
  const charges = openFrameCharges(root);
  if (!charges.ok) {
    flags.value.close();
    return charges;
  }
  return success({
    topology: () => readTopology(root),
    open: (ref) => openOwnerMemory(root, ref, flags.value, nowNs),
    isMember: (ref, members) => isMember(root, ref, members),
    usage: (members) =>
      members.kind === 'cgroup' ? readCgroupUsage(root, members.path) : readUserUsage(root, members.uid),
    refOf: (pid) => readOwnerRef(root, pid),
    frames: (frame) => success(readFrameFacts(flags.value, charges.value, frame)),
    mappers: (head) => mappers?.find(head) ?? noMappers,
    cgroups: (path) => readCgroupInodes(root, path),
    moveFrames: (head, node, status, together) =>
      frameMover?.move(head, node, status, together ? 'together' : 'alone') ?? refused(ERRNO.EINVAL),
    close() {
      flags.value.close();
      charges.value?.close();
      mappers?.close();
    },
  });
}

const noMappers = failure(
  'mappers-missing',
  'nobody looks for the mappers of frames; open the kernel with them',
);

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
