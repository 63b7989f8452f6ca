import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../contract.ts';
import type { Reply } from '../reply.ts';
import { FRAME, appendFrame } from './frames.ts';

/** What a recording begins with: everything that makes a policy start the same way again. */
export interface Start {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the component, hexadecimal. */
  readonly digest: string;
  readonly settings: Settings;
  readonly memoryPagesMax: number;
  /** Of the runtime: another V8 may give other bits of NaN. */
  readonly node: string;
}

/** The pages that are not all zero, in ascending order; a recording holds only those. */
export interface Checkpoint {
  readonly memoryPages: number;
  readonly pages: readonly number[];
  /** 64-bit words. */
  readonly globals: number;
}

/** How a request was answered; the code of the fault, when it was not. */
export interface Answer {
  readonly status: number | string;
  readonly fuel: number;
  /** SHA-256 of everything that was answered, hexadecimal. */
  readonly hash: string;
}

/** Two files that take turns, so that the older one is whole when the newer has just begun. */
const CURRENT = 'current.trec';
const PREVIOUS = 'previous.trec';

/** Writes recordings into a folder of its own, one after the other; keeps the last two. */
export interface Recorder {
  /** Begins a recording: the one before becomes the previous one. */
  begin(start: Start, component: Uint8Array): void;
  checkpoint(state: Checkpoint, parts: readonly Uint8Array[]): void;
  /** `inputBytes` from the beginning of `shared`. */
  request(header: Uint8Array, shared: number, inputBytes: number): void;
  answer(answer: Answer): void;
  /** Bytes and answers in the present recording. */
  readonly bytes: number;
  readonly answers: number;
  close(): void;
}

/** Throws what the file system refuses; whoever records goes on without. */
export function createRecorder(folder: string): Recorder {
  let file: number | undefined;
  let bytes = 0;
  let answers = 0;

  function append(kind: number, head: object, payload?: readonly Uint8Array[]): void {
    if (file === undefined) throw new Error('nothing was begun to be recorded');
    bytes += appendFrame(file, kind, head, payload);
  }

  function close(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
  }

  return {
    begin(start, component) {
      if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
      close();
      // One that a process before this left behind is kept, too: it may tell why that process is gone.
      if (existsSync(join(folder, CURRENT))) renameSync(join(folder, CURRENT), join(folder, PREVIOUS));
      file = openSync(join(folder, CURRENT), 'w', 0o600);
      bytes = 0;
      answers = 0;
      append(FRAME.start, start, [component]);
    },
    checkpoint: (state, parts) => append(FRAME.checkpoint, state, parts),
    request: (header, shared, inputBytes) =>
      append(FRAME.request, {}, [header, readWhole(shared, inputBytes)]),
    answer(answer) {
      append(FRAME.answer, answer);
      answers++;
    },
    get bytes() {
      return bytes;
    },
    get answers() {
      return answers;
    },
    close,
  };
}

function readWhole(shared: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const read = readSync(shared, bytes, at, length - at, at);
    // A column's padding at the end of the file was never written.
    if (read === 0) break;
    at += read;
  }
  return bytes;
}

export function answerOf(
  reply: { readonly ok: true; readonly value: Reply } | { readonly code: string },
): Answer {
  if ('code' in reply) return { status: reply.code, fuel: 0, hash: '' };
  const { status, fuel, hash } = reply.value;
  return { status, fuel, hash: hash() };
}
