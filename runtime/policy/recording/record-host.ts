import type { Result } from '../../../executor/result.ts';
import { recordingAnswersDefault, recordingBytesDefault } from '../../limits.ts';
import type { HostFault } from '../host-process.ts';
import type { Reply } from '../reply.ts';
import type { HostMeans, RunningHost } from '../running-host.ts';
import { REQUEST, REQUEST_AT, STATUS } from '../wire.ts';
import { dumpInstance } from './checkpoint.ts';
import { answerOf, createRecorder } from './recorder.ts';
import type { Recorder, Start } from './recorder.ts';

export interface Recording {
  readonly recorder: Recorder;
  /** Requests in one recording, and its bytes, after which the next begins with a checkpoint. */
  readonly answersMax: number;
  readonly bytesMax: number;
  /** Recording ended, since it could not go on; the policy does. */
  onFault(message: string): void;
}

/** A recording into a folder, as far back as the defaults say. */
export function recordInto(folder: string, onFault: Recording['onFault']): Recording {
  return {
    recorder: createRecorder(folder),
    answersMax: recordingAnswersDefault,
    bytesMax: recordingBytesDefault,
    onFault,
  };
}

/**
 * The same host, with everything it is asked and answers recorded. While a checkpoint is taken the next
 * request waits, for no longer than loading may take; what the policy is asked for stays the same.
 */
export function recordHost(
  host: RunningHost,
  { recorder, answersMax, bytesMax, onFault }: Recording,
  start: Start,
  component: Uint8Array,
  { limits, timer }: HostMeans,
): RunningHost {
  let recording = true;
  let settled = Promise.resolve();

  /** A file system that refuses ends the recording, never the policy. */
  function tryTo(record: () => void): void {
    if (!recording) return;
    try {
      record();
    } catch (error) {
      stop((error as Error).message);
    }
  }

  function stop(why: string): void {
    recording = false;
    recorder.close();
    onFault(`nothing more is recorded of ${start.name}: ${why}`);
  }

  async function takeCheckpoint(): Promise<void> {
    const { loadDeadlineMs: deadlineMs, memoryPagesMax } = limits;
    let overdue = false;
    const cancel = timer(deadlineMs, () => {
      overdue = true;
      void host.end();
    });
    const dump = await dumpInstance(host, { deadlineMs, memoryPagesMax, bytesMax });
    cancel();
    if (!dump.ok) return stop(overdue ? `a checkpoint took longer than ${deadlineMs} ms` : dump.message);
    tryTo(() => {
      recorder.begin(start, component);
      recorder.checkpoint(dump.value.checkpoint, dump.value.parts);
    });
    if (recording && recorder.bytes > bytesMax) stop(`a checkpoint takes more than ${bytesMax} bytes`);
  }

  tryTo(() => recorder.begin(start, component));
  return {
    ...host,
    async ask(kind, deadlineMs, fill = () => {}, follow = () => {}): Promise<Result<Reply, HostFault>> {
      await settled;
      let header = new DataView(new ArrayBuffer(0));
      const reply = await host.ask(
        kind,
        deadlineMs,
        (request) => {
          fill(request);
          header = request;
        },
        (send) => {
          follow(send);
          const inputBytes = header.getFloat64(REQUEST_AT.inputBytes, true);
          tryTo(() => recorder.request(new Uint8Array(header.buffer), host.shared, inputBytes));
        },
      );
      tryTo(() => recorder.answer(answerOf(reply)));
      const isFull = recorder.answers >= answersMax || recorder.bytes >= bytesMax;
      const isAlive = reply.ok && reply.value.status === STATUS.ok;
      if (recording && isFull && isAlive && kind === REQUEST.epoch) settled = takeCheckpoint();
      return reply;
    },
    async end() {
      await host.end();
      tryTo(() => recorder.close());
    },
  };
}
