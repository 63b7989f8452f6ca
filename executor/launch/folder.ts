import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, statSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { failure, success, type Result } from '../result.ts';
import type { LaunchConfig } from './config.ts';
import { HOST_FILE_NAME } from './host-files.ts';
import { checkRootOwned } from './root-owned.ts';

/** TMPFS_MAGIC; include/uapi/linux/magic.h. */
const tmpfsMagic = 0x0102_1994;
const permissionBits = 0o7777;
/** Root alone changes it; the runtime's group may pass, not look around. */
const folderMode = 0o710;

export type FolderFault = 'folder-unusable';

/**
 * The folder that guards the socket and the hosts' files. It is root's: a runtime that owned it could put a link
 * where the launcher is about to change an owner or open a file. What lies in it is the runtime's user's alone.
 */
export function prepareFolder({ folder, runtime }: LaunchConfig): Result<true, FolderFault> {
  try {
    mkdirSync(folder);
    chownSync(folder, 0, runtime.gid);
    chmodSync(folder, folderMode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return unusable(folder, (error as Error).message);
  }
  const owned = checkRootOwned(folder);
  if (!owned.ok) return unusable(folder, owned.message);
  const { gid, mode } = statSync(folder);
  const wanted = `chgrp ${runtime.gid} and chmod ${folderMode.toString(8)} it`;
  if (!statSync(folder).isDirectory()) return unusable(folder, 'it is no folder');
  if (gid !== runtime.gid) return unusable(folder, `its group is ${gid}; ${wanted}`);
  if ((mode & permissionBits) !== folderMode)
    return unusable(folder, `its mode is ${(mode & permissionBits).toString(8)}; ${wanted}`);
  if (statfsSync(folder).type !== tmpfsMagic)
    return unusable(
      folder,
      'what passes there must stay in memory: choose one on tmpfs, such as /run or /dev/shm',
    );
  return success(true);
}

/** Removes what a launcher that died left; only once it is known that none lives here. */
export function removeStaleFiles(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => HOST_FILE_NAME.test(each)))
    rmSync(join(folder, name), { force: true });
}

function unusable(folder: string, why: string): Result<never, FolderFault> {
  return failure('folder-unusable', `${folder}: ${why}`);
}
