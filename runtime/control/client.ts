import { failure, success, type Result } from '../../executor/result.ts';
import { connectFrames } from '../../executor/wire/frame-client.ts';
import { controlMessageBytesMax } from '../limits.ts';
import { CONTROL_FAULTS, readAnswer, type ControlFault, type ControlRequest } from './messages.ts';
import type { SwitchRequest } from './operator.ts';
import { readDaemonStatus } from './read-status.ts';
import type { Reader } from './readers.ts';
import type { DaemonStatus } from './status.ts';

/** A daemon as its `Operator`, from another process. */
export interface ControlClient {
  status(): Promise<Result<DaemonStatus, ControlFault>>;
  switchPolicy(request: SwitchRequest): Promise<Result<string, ControlFault>>;
  rollback(scope?: string): Promise<Result<string, ControlFault>>;
  pause(scope?: string): Promise<Result<string, ControlFault>>;
  resume(scope?: string): Promise<Result<string, ControlFault>>;
  reload(): Promise<Result<string, ControlFault>>;
  /** A request under way fails. */
  close(): Promise<void>;
}

const peer = {
  name: 'daemon',
  command: 'terrace run --config FILE',
  unreachable: 'daemon-unreachable',
  codes: CONTROL_FAULTS,
  messageBytesMax: controlMessageBytesMax,
} as const;

/**
 * A daemon behind its socket; what is lost on the way fails with `daemon-unreachable`, and the next request
 * connects again.
 */
export async function connectControl(socketPath: string): Promise<Result<ControlClient, ControlFault>> {
  /** Whatever words come from there, they steer no terminal. */
  function tell<T>(answer: Result<T, ControlFault>): Result<T, ControlFault> {
    if (answer.ok) return answer;
    if (answer.code !== 'permission-missing') return failure(answer.code, readAnswer(answer.message) ?? '');
    return failure(
      answer.code,
      `you may not enter ${socketPath}; ask for the group of its folder, or use sudo`,
    );
  }

  const client = await connectFrames<ControlFault>(socketPath, peer);
  if (!client.ok) return tell(client);
  const { ask, close } = client.value;
  const request = async <T>(wanted: ControlRequest, read: Reader<T>): Promise<Result<T, ControlFault>> =>
    tell(await ask(wanted, read));
  const about = (kind: 'rollback' | 'pause' | 'resume') => (scope?: string) =>
    request({ kind, ...(scope !== undefined && { scope }) }, readAnswer);

  return success({
    status: () => request({ kind: 'status' }, readDaemonStatus),
    switchPolicy: (wanted) => request({ kind: 'switch', ...wanted }, readAnswer),
    rollback: about('rollback'),
    pause: about('pause'),
    resume: about('resume'),
    reload: () => request({ kind: 'reload' }, readAnswer),
    close,
  });
}
