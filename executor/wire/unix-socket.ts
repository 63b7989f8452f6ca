import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { failure, success, type Result } from '../result.ts';

export type ServeFault = 'socket-in-use' | 'socket-unusable';

/** A socket that nobody answers on was left by a process that died; anything else is left alone. */
export async function removeStaleSocket(path: string): Promise<Result<true, ServeFault>> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return success(true);
  if (!found.isSocket())
    return failure('socket-unusable', `${path} exists and is no socket; choose another path`);
  const alive = await new Promise((resolve) => {
    const probe = createConnection(path, () => resolve(true));
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
    probe.on('close', () => probe.destroy());
    probe.on('connect', () => probe.end());
  });
  if (alive)
    return failure('socket-in-use', `something already listens at ${path}; stop it or choose another path`);
  unlinkSync(path);
  return success(true);
}

/** Listens for whom `mode` lets write to the socket. */
export function listen(server: Server, path: string, mode: number): Promise<Result<true, ServeFault>> {
  return new Promise((resolve) => {
    server.once('error', (error) =>
      resolve(failure('socket-unusable', `cannot listen at ${path}: ${error.message}; choose another path`)),
    );
    server.listen(path, () => {
      server.removeAllListeners('error');
      chmodSync(path, mode);
      resolve(success(true));
    });
  });
}
