import { failure, success, type Result } from '../result.ts';

/** Values may nest this deep: message, plan, list, record, column. */
export const FRAME_DEPTH_MAX = 8;

/** msgpackr's extension for typed arrays: 't', then the kind of array. */
const typedArrayExtension = 0x74;
/** Kinds from Int8Array to BigUint64Array. */
const typedArrayKindEnd = 11;

/** What a MessagePack value costs after its first byte: size bytes of a length, fixed bytes, entries per item. */
interface Shape {
  readonly lengthBytes: number;
  readonly fixedBytes: number;
  readonly kind: 'scalar' | 'bytes' | 'extension' | 'array' | 'map';
}

const scalar = (fixedBytes: number): Shape => ({ lengthBytes: 0, fixedBytes, kind: 'scalar' });
const sized = (kind: Shape['kind'], lengthBytes: number): Shape => ({ lengthBytes, fixedBytes: 0, kind });
const extended = (bytes: number): Shape => ({ lengthBytes: 0, fixedBytes: bytes, kind: 'extension' });

/** First bytes from 0xc0 on; https://github.com/msgpack/msgpack/blob/master/spec.md. */
const shapes: readonly (Shape | undefined)[] = [
  // nil, never used, false, true; then bin, ext, float, uint, int, fixext, str, array, map
  [scalar(0), undefined, scalar(0), scalar(0)],
  [sized('bytes', 1), sized('bytes', 2), sized('bytes', 4)],
  [sized('extension', 1), sized('extension', 2), sized('extension', 4)],
  [scalar(4), scalar(8)],
  [scalar(1), scalar(2), scalar(4), scalar(8)],
  [scalar(1), scalar(2), scalar(4), scalar(8)],
  [extended(1), extended(2), extended(4), extended(8), extended(16)],
  [sized('bytes', 1), sized('bytes', 2), sized('bytes', 4)],
  [sized('array', 2), sized('array', 4), sized('map', 2), sized('map', 4)],
].flat();

/**
 * Walks a MessagePack value without building it, so that the decoder behind meets only what is whole, shallow
 * and no larger than its bytes: it would reserve whatever an array's header promises, recurse as deep as the
 * bytes say, and honour extensions (records, references, regular expressions) that no message of ours has.
 */
export function scanFrame(bytes: Uint8Array, depthMax = FRAME_DEPTH_MAX): Result<true, 'frame-malformed'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Values still to come on each level that is open; its length is the depth.
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    if (open[open.length - 1] === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]--;
    if (at >= bytes.length) return malformed('ends early');
    const first = bytes[at++];
    if (first < 0x80 || first >= 0xe0) continue;

    let inside = 0;
    let payload = 0;
    if (first < 0x90) inside = 2 * (first & 0x0f);
    else if (first < 0xa0) inside = first & 0x0f;
    else if (first < 0xc0) payload = first & 0x1f;
    else {
      const shape = shapes[first - 0xc0];
      if (!shape) return malformed('has an unknown type');
      const { kind, lengthBytes, fixedBytes } = shape;
      if (at + lengthBytes > bytes.length) return malformed('ends early');
      const length = readLength(view, at, lengthBytes);
      at += lengthBytes;
      if (kind === 'array') inside = length;
      else if (kind === 'map') inside = 2 * length;
      else payload = length + fixedBytes;
      if (kind === 'extension') {
        if (payload < 1 || bytes[at] !== typedArrayExtension || !(bytes[at + 1] < typedArrayKindEnd))
          return malformed('has a foreign extension');
        payload++;
      }
    }
    // Every value takes a byte at least: a header cannot promise more of them than there are bytes.
    if (at + payload + inside > bytes.length) return malformed('promises more than it has');
    at += payload;
    if (inside === 0) continue;
    if (open.length > depthMax) return malformed(`nests deeper than ${depthMax}`);
    open.push(inside);
  }
  return at === bytes.length ? success(true) : malformed('has bytes left over');
}

function readLength(view: DataView, at: number, lengthBytes: number): number {
  if (lengthBytes === 1) return view.getUint8(at);
  if (lengthBytes === 2) return view.getUint16(at);
  return lengthBytes === 4 ? view.getUint32(at) : 0;
}

function malformed(why: string): Result<never, 'frame-malformed'> {
  return failure('frame-malformed', `the frame ${why}; both ends must be of one Terrace version`);
}
