import { ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { FRAME, createFrameReader } from '../../../runtime/policy/recording/frames.ts';
import type { Frame } from '../../../runtime/policy/recording/frames.ts';
import { readAnswer, readCheckpoint, readStart } from '../../../runtime/policy/recording/heads.ts';
import { must, owned, refusalCode } from '../expect.ts';

const HEADER_BYTES = 24;
const FILE = `/dev/shm/terrace-fuzz-${process.pid}`;
let file: number | undefined;

/** A recording of a policy's requests: as it is, and with its checksums mended, behind which a fuzzer is blind. */
export function fuzz(input: Uint8Array): string {
  const bytes = owned(input);
  const asIs = readFrames(bytes);
  const mended = readFrames(mend(bytes));
  return asIs === mended ? asIs : `${asIs}; mended ${mended}`;
}

function readFrames(bytes: Uint8Array): string {
  const frames = createFrameReader(fileOf(bytes));
  let left = bytes.length;
  const kinds = new Set<string>();
  for (;;) {
    const next = frames.next();
    if (!next.ok) return `${refusalCode(next)} after ${[...kinds].toSorted().join(' ') || 'nothing'}`;
    if (next.value === undefined) break;
    left -= next.value.payload.length;
    must(left >= 0, 'more payload than the file has');
    kinds.add(checkHead(next.value));
  }
  return `${frames.cut ? 'cut' : 'end'} after ${[...kinds].toSorted().join(' ') || 'nothing'}`;
}

function checkHead({ kind, head }: Frame): string {
  if (kind === FRAME.start) return readStart(head) === undefined ? 'no-start' : 'start';
  if (kind === FRAME.answer) return readAnswer(head) === undefined ? 'no-answer' : 'answer';
  if (kind !== FRAME.checkpoint) return 'other';
  const checkpoint = readCheckpoint(head);
  if (checkpoint === undefined) return 'no-checkpoint';
  const { memoryPages, pages, globals } = checkpoint;
  const sizes = [memoryPages, globals, ...pages];
  must(
    sizes.every((size) => Number.isSafeInteger(size) && size >= 0),
    'a checkpoint of no size',
  );
  must(
    pages.every((page) => page < memoryPages),
    'a page behind memory',
  );
  return 'checkpoint';
}

/** A file without a name, made once, which ends with the process. */
function fileOf(bytes: Uint8Array): number {
  if (file === undefined) {
    file = openSync(FILE, 'wx+', 0o600);
    unlinkSync(FILE);
  }
  ftruncateSync(file);
  writeSync(file, bytes, 0, bytes.length, 0);
  return file;
}

/** With the checksum that each frame should have. */
function mend(bytes: Uint8Array): Uint8Array {
  const mended = bytes.slice();
  const view = new DataView(mended.buffer);
  for (let at = 0; at + HEADER_BYTES <= mended.length;) {
    const content = view.getUint32(at + 8, true) + view.getFloat64(at + 16, true);
    const end = at + HEADER_BYTES + content;
    if (!Number.isSafeInteger(end) || end < at || end + 4 > mended.length) break;
    view.setUint32(end, crc32(mended.subarray(at + HEADER_BYTES, end)), true);
    at = end + 4;
  }
  return mended;
}
