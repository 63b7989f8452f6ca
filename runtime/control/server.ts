import { lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { failure, success, type Result } from '../../executor/result.ts';
import { serveFrames } from '../../executor/wire/frame-server.ts';
import type { ServeFault } from '../../executor/wire/unix-socket.ts';
import { controlMessageBytesMax } from '../limits.ts';
import { readControlRequest, type ControlFault, type ControlRequest } from './messages.ts';
import type { Operator } from './operator.ts';

export type ControlServeFault = ServeFault | 'control-folder-open' | 'control-folder-unusable';

export interface ControlServerOptions {
  readonly socketPath: string;
  readonly operator: Operator;
  /** Who may own the socket's folder besides root; default the user of this process. */
  readonly uid?: number;
}

export interface ControlServer {
  /** Stops listening, ends connections after the request under way, and removes the socket. */
  close(): Promise<void>;
}

const othersBits = 0o007;
const permissionBits = 0o7777;
const folderMode = 0o700;
const rootUid = 0;

/** An operator's port on a unix socket. Who may enter the socket's folder may ask for anything. */
export async function serveControl(
  options: ControlServerOptions,
): Promise<Result<ControlServer, ControlServeFault>> {
  const { socketPath, operator, uid = process.geteuid?.() ?? rootUid } = options;
  const guarded = guardFolder(dirname(socketPath), uid);
  if (!guarded.ok) return guarded;
  return serveFrames({
    socketPath,
    messageBytesMax: controlMessageBytesMax,
    async answer(message) {
      const request = readControlRequest(message);
      return request.ok ? carryOut(operator, request.value) : request;
    },
  });
}

async function carryOut(operator: Operator, request: ControlRequest): Promise<Result<unknown, ControlFault>> {
  if (request.kind === 'status') return success(operator.status());
  if (request.kind === 'reload') return operator.reload();
  if (request.kind !== 'switch') return operator[request.kind](request.scope);
  const { kind: _, ...wanted } = request;
  return operator.switchPolicy(wanted);
}

/**
 * A folder that only its owner and its group may enter, made where there is none. A link would be somebody
 * else's to turn.
 */
function guardFolder(folder: string, uid: number): Result<true, ControlServeFault> {
  try {
    mkdirSync(folder, { mode: folderMode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') return unusable(folder, `cannot be made (${code}); make the folders above it`);
  }
  const found = lstatSync(folder);
  const { uid: owner, mode } = found;
  if (!found.isDirectory()) return unusable(folder, 'is no folder; choose another path for the socket');
  if (owner !== rootUid && owner !== uid)
    return failure(
      'control-folder-open',
      `${folder} belongs to user ${owner}, who could let anyone in; chown it to user ${uid}, and chmod it 0700`,
    );
  if ((mode & othersBits) !== 0)
    return failure(
      'control-folder-open',
      `${folder} has mode ${(mode & permissionBits).toString(8)}, and who can enter it controls the daemon; chmod o= ${folder}`,
    );
  return success(true);
}

function unusable(folder: string, why: string): Result<never, 'control-folder-unusable'> {
  return failure('control-folder-unusable', `${folder} ${why}`);
}
