import { watch as watchPath, type FSWatcher } from 'node:fs';
import path from 'node:path';
import { failure, success, type Result } from '../../executor/result.ts';
import type { Timer } from '../policy/host-process.ts';

export interface WatchOptions {
  /** A file, of which its folder is watched, since editors replace files rather than write them. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly timer: Timer;
  /** How long all must be left alone first. */
  readonly settleMs: number;
  readonly onChange: () => void;
}

/** Watches by inotify(7) until it is told to stop; several changes in a row are one. */
export function watch(options: WatchOptions): Result<() => void, 'watch-failed'> {
  const { files, folders, timer, settleMs, onChange } = options;
  const watchers: FSWatcher[] = [];
  let cancel = (): void => {};

  function changed(): void {
    cancel();
    cancel = timer(settleMs, onChange);
  }

  function stop(): void {
    cancel();
    for (const watcher of watchers) watcher.close();
  }

  try {
    for (const folder of folders) watchers.push(watchPath(folder, changed));
    for (const file of files)
      watchers.push(
        watchPath(path.dirname(file), (_, name) => {
          if (name === null || name === path.basename(file)) changed();
        }),
      );
    // A folder that goes away is told by the next reload.
    for (const watcher of watchers) watcher.on('error', changed);
    return success(stop);
  } catch (error) {
    stop();
    return failure('watch-failed', `changes cannot be watched: ${(error as Error).message}`);
  }
}
