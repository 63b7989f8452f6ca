import { closeSync, constants, lchownSync, openSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFifo, resizePipe } from '../linux/fifo.ts';
import { failure, success, type Result } from '../result.ts';
import type { LaunchConfig } from './config.ts';
import { LAUNCH_BOUNDS } from './limits.ts';
import type { HostPaths } from './messages.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const FIFOS = ['requests', 'replies', 'diagnostics'] as const;

/** What every file here is called by, and a later launcher knows what a dead one left. */
export const HOST_FILE_NAME = /^host-\d+\.(requests|replies|diagnostics|shared)$/;

/** What joins one host with the runtime. */
export interface HostFiles {
  /** For the runtime, which owns them. */
  readonly paths: HostPaths;
  /** For the host, in the order of its descriptors: requests, replies, diagnostics, and the shared file to read. */
  readonly ends: readonly [number, number, number, number];
  /** Closes `ends`, once the host has its own copies. */
  release(): void;
  /** The beginning of what was written to the diagnostics; until `forget`. */
  readComplaint(): string;
  /** Takes the names away and lets go of the FIFOs: from here each end sees when the other has gone. */
  forget(): void;
}

/**
 * Makes them in a folder where nobody but root can put anything, so that each path still is what was made.
 *
 * A FIFO opened by one side alone would block, or fail. The launcher therefore holds each open for both until the
 * runtime has opened its ends; what either side writes meanwhile waits in it.
 */
export function makeHostFiles(
  { folder, runtime }: LaunchConfig,
  host: number,
): Result<HostFiles, 'host-failed'> {
  const pathOf = (name: string): string => join(folder, `host-${host}.${name}`);
  const paths: HostPaths = {
    requests: pathOf('requests'),
    replies: pathOf('replies'),
    diagnostics: pathOf('diagnostics'),
    shared: pathOf('shared'),
  };
  const held: number[] = [];
  const ends: number[] = [];
  const closeAll = (descriptors: number[]): void => descriptors.splice(0).forEach((each) => closeSync(each));
  const forget = (): void => {
    closeAll(held);
    for (const path of Object.values(paths)) rmSync(path, { force: true });
  };
  const open = (path: string, flags: number): number => openSync(path, flags | O_NOFOLLOW, 0o600);

  try {
    closeSync(open(paths.shared, O_CREAT | O_EXCL | O_WRONLY));
    for (const name of FIFOS) {
      const made = makeFifo(paths[name]);
      if (!made.ok) throw new Error(made.message);
      const hold = open(paths[name], O_RDWR | O_NONBLOCK);
      held.push(hold);
      // Slower where the kernel refuses, and no less right.
      resizePipe(hold, LAUNCH_BOUNDS.fifoBytes);
      ends.push(open(paths[name], name === 'requests' ? O_RDONLY : O_WRONLY));
    }
    ends.push(open(paths.shared, O_RDONLY));
    for (const path of Object.values(paths)) lchownSync(path, runtime.uid, runtime.gid);
  } catch (error) {
    closeAll(ends);
    forget();
    return failure('host-failed', `no files for a host in ${folder}: ${(error as Error).message}`);
  }
  return success({
    paths,
    ends: [...ends] as [number, number, number, number],
    release: () => closeAll(ends),
    readComplaint: () => readWaiting(held[2]),
    forget,
  });
}

function readWaiting(descriptor: number | undefined): string {
  if (descriptor === undefined) return '';
  const bytes = Buffer.alloc(LAUNCH_BOUNDS.complaintBytesMax);
  try {
    return bytes.toString('utf8', 0, readSync(descriptor, bytes)).trim();
  } catch {
    // Nothing was written (EAGAIN).
    return '';
  }
}
