import { join } from 'node:path';
import type { FrameMapperSource } from '../frame-mappers.ts';
import { readText, type ReadFault } from '../procfs/read-file.ts';
import { success, type Failure, type Result } from '../result.ts';
import { openFrameWalk } from './bpf/frame-walk.ts';
import { createMapperFinder, type FrameWalk } from './find-mappers.ts';
import { createFrameCache } from './frame-cache.ts';
import { openFrameFlags } from './frame-flags.ts';
import { createFrameScan } from './frame-scan.ts';
import { listAllPids } from './list-pids.ts';

/** All ways to those who map frames that this machine has. A walk that refuses itself is told of and done without. */
export function openMapperFinder(
  root: string,
  walkReverseMap: boolean,
  warn: (refused: Failure) => void,
): Result<FrameMapperSource, ReadFault> {
  const flags = openFrameFlags(root);
  if (!flags.ok) return flags;
  const walk = walkReverseMap ? openWalk(root, warn) : undefined;
  const finder = createMapperFinder({
    root,
    scan: createFrameScan({ root, listPids: () => listAllPids(root), flags: flags.value }),
    cache: createFrameCache({ root, flags: flags.value }),
    residentPages: () => readResidentPages(root),
    ...(walk && { walk }),
  });
  return success({
    find: (frame) => finder.find(frame),
    close() {
      finder.close();
      flags.value.close();
    },
  });
}

function openWalk(root: string, warn: (refused: Failure) => void): FrameWalk | undefined {
  const walk = openFrameWalk(root);
  if (walk.ok) return walk.value;
  warn(walk);
  return undefined;
}

/** What processes map, from /proc/meminfo (proc_meminfo(5)), in base pages; shared memory counts once. */
function readResidentPages(root: string): number {
  const text = readText(join(root, 'proc/meminfo'));
  if (!text.ok) return 0;
  const kib = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text.value)?.[1] ?? 0);
  return (kib('AnonPages') + kib('Mapped')) / 4;
}
