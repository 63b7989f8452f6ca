import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readMemoryBlocks } from '../../../executor/procfs/memory-blocks.ts';
import { failure, success, type Result } from '../../../executor/result.ts';
import type { SourceFault } from '../source.ts';
import { listCgroupInodes } from './cgroup-inodes.ts';
import type { FrameMemory } from './frame-memory.ts';

const ENTRY_BYTES = 8;
const BITMAP = 'sys/kernel/mm/page_idle/bitmap';

/** The kernel's own files; Documentation/admin-guide/mm/idle_page_tracking.rst and pagemap.rst. */
export function openFrameFiles(root: string, cgroup?: string): Result<FrameMemory, SourceFault> {
  const bitmap = open(
    join(root, BITMAP),
    'r+',
    'idle-tracking-missing',
    'needs a kernel built with CONFIG_IDLE_PAGE_TRACKING; use --source soft-dirty on this one',
  );
  if (!bitmap.ok) return bitmap;
  const opened = [bitmap.value];
  const close = () => opened.forEach((fd) => closeSync(fd));

  const option = 'needs a kernel built with CONFIG_PROC_PAGE_MONITOR';
  const flags = open(join(root, 'proc/kpageflags'), 'r', 'page-monitor-missing', option);
  if (!flags.ok) return (close(), flags);
  opened.push(flags.value);

  let cgroups: number | undefined;
  if (cgroup !== undefined) {
    const file = open(
      join(root, 'proc/kpagecgroup'),
      'r',
      'page-monitor-missing',
      `${option} and CONFIG_MEMCG`,
    );
    if (!file.ok) return (close(), file);
    opened.push((cgroups = file.value));
  }

  return success({
    blocks() {
      const blocks = readMemoryBlocks(root);
      return blocks.ok ? blocks : failure('sensor-failed', blocks.message);
    },
    cgroups: () => (cgroup === undefined ? undefined : listCgroupInodes(root, cgroup)),
    readIdle: (first, lanes) => transfer(readSync, bitmap.value, first, lanes, 'the idle bitmap'),
    markIdle: (first, lanes) => transfer(writeSync, bitmap.value, first, lanes, 'the idle bitmap'),
    readFlags: (first, lanes) => transfer(readSync, flags.value, first, lanes, '/proc/kpageflags'),
    readCgroups: (first, lanes) =>
      cgroups === undefined ? success(0) : transfer(readSync, cgroups, first, lanes, '/proc/kpagecgroup'),
    close,
  });
}

/** As many whole entries as there are: sysfs takes and gives a page at a time, so it is asked until it stops. */
function transfer(
  call: (fd: number, lanes: Uint32Array, offset: number, length: number, position: number) => number,
  fd: number,
  first: number,
  lanes: Uint32Array,
  what: string,
): Result<number, SourceFault> {
  let bytes = 0;
  try {
    while (bytes < lanes.byteLength) {
      const more = call(fd, lanes, bytes, lanes.byteLength - bytes, first * ENTRY_BYTES + bytes);
      if (more === 0) break;
      bytes += more;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    // What a write answers beyond the last frame.
    if (code !== 'ENXIO')
      return failure('sensor-failed', `${what}: ${code}; restart the sensor, and see the kernel log`);
  }
  return success(Math.floor(bytes / ENTRY_BYTES));
}

function open(
  path: string,
  mode: 'r' | 'r+',
  missing: SourceFault,
  next: string,
): Result<number, SourceFault> {
  try {
    return success(openSync(path, mode));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === 'ENOENT') return failure(missing, `${path} does not exist: it ${next}`);
    if (code === 'EACCES' || code === 'EPERM')
      return failure('permission-missing', `${path}: ${code}; run the sensor as root`);
    return failure('sensor-failed', `${path}: ${code}; check that the file system is mounted`);
  }
}
