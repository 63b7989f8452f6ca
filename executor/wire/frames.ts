import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr/pack';
import { BOUNDS } from '../limits.ts';
import { failure, success, type Result } from '../result.ts';
import { scanFrame } from './scan-frame.ts';

export type FrameFault = 'frame-too-large' | 'frame-malformed';

const prefixBytes = 4;
/** Where columns lie at the deepest: reply, value, rows. */
const columnDepth = 3;
/** For all of a message but its columns; more where that is not enough. */
const restBytes = 16_384;

// `msgpackr/pack` is plain JavaScript: no native add-on parses what strangers send. Extensions are the
// typed arrays of `moreTypes`; records and shared structures stay off, since both ends would have to agree.
const options = { useRecords: false, mapsAsObjects: true, moreTypes: true, int64AsType: 'number' } as const;
const packr = new Packr(options);
// What was decoded keeps nothing of the frame, whose bytes the next one overwrites.
const unpackr = new Unpackr({ ...options, copyBuffers: true });

/**
 * One message: the body's length as a little-endian u32, then its MessagePack. It lies in `spare` where it fits,
 * which nobody else may need any more, else in a buffer of its own.
 */
export function encodeFrame(
  message: unknown,
  bytesMax: number = BOUNDS.frameBytesMax,
  spare: ArrayBufferLike = new ArrayBuffer(0),
): Result<Uint8Array, FrameFault> {
  const bytes = restBytes + columnBytes(message, columnDepth);
  // The packer itself would grow a buffer by doubling, and a frame would exist four times over.
  packr.useBuffer(
    bytes <= spare.byteLength ? Buffer.from(spare) : Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes))),
  );
  const frame = packr.pack(message, RESERVE_START_SPACE + prefixBytes);
  const bodyBytes = frame.length - prefixBytes;
  if (bodyBytes > bytesMax) return tooLarge(bodyBytes, bytesMax);
  frame.writeUInt32LE(bodyBytes, 0);
  return success(frame);
}

/** Bytes of the typed arrays in a message, which are most of any large one. */
function columnBytes(value: unknown, depth: number): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== 'object' || value === null || depth === 0) return 0;
  return Object.values(value).reduce<number>((sum, field) => sum + columnBytes(field, depth - 1), 0);
}

/** A frame's body as plain data. Which message it is, if any, is for the reader to check. */
export function decodeBody(body: Uint8Array): Result<unknown, FrameFault> {
  const scanned = scanFrame(body);
  if (!scanned.ok) return scanned;
  try {
    return success(unpackr.unpack(body));
  } catch {
    return failure('frame-malformed', 'the frame does not decode; both ends must be of one Terrace version');
  }
}

/** Cuts a stream of bytes into messages; holds at most one frame's worth of bytes between chunks. */
export interface FrameReader {
  /** Messages completed by this chunk. After a failure the stream is lost: close it. */
  read(chunk: Uint8Array): Generator<Result<unknown, FrameFault>>;
  /** Bytes of the unfinished frame. */
  readonly heldBytes: number;
}

export function createFrameReader(bytesMax: number = BOUNDS.frameBytesMax): FrameReader {
  const prefix = new Uint8Array(prefixBytes);
  let prefixHeld = 0;
  let body = new Uint8Array(0);
  let bodyHeld = 0;
  let bodyBytes = 0;
  let lost = false;

  function takePrefix(chunk: Uint8Array): number {
    const taken = Math.min(prefixBytes - prefixHeld, chunk.length);
    prefix.set(chunk.subarray(0, taken), prefixHeld);
    prefixHeld += taken;
    if (prefixHeld === prefixBytes) bodyBytes = new DataView(prefix.buffer).getUint32(0, true);
    return taken;
  }

  /**
   * Grows with what has arrived, never to what the prefix promises. It stays for the next frame: of what comes every
   * second it would be the largest part of the garbage.
   */
  function hold(part: Uint8Array): void {
    if (bodyHeld + part.length > body.length) {
      const grown = new Uint8Array(Math.min(bodyBytes, Math.max(bodyHeld + part.length, 2 * body.length)));
      grown.set(body.subarray(0, bodyHeld));
      body = grown;
    }
    body.set(part, bodyHeld);
    bodyHeld += part.length;
  }

  function finish(): Uint8Array {
    const whole = body.subarray(0, bodyHeld);
    prefixHeld = 0;
    bodyHeld = 0;
    return whole;
  }

  return {
    get heldBytes() {
      return prefixHeld + bodyHeld;
    },
    *read(chunk) {
      let at = 0;
      while (!lost && at < chunk.length) {
        if (prefixHeld < prefixBytes) at += takePrefix(chunk.subarray(at));
        if (prefixHeld < prefixBytes) return;
        if (bodyBytes > bytesMax) {
          lost = true;
          yield tooLarge(bodyBytes, bytesMax);
          return;
        }
        const part = chunk.subarray(at, at + bodyBytes - bodyHeld);
        at += part.length;
        hold(part);
        if (bodyHeld < bodyBytes) return;
        const message = decodeBody(finish());
        lost = !message.ok;
        yield message;
      }
    },
  };
}

function tooLarge(bytes: number, bytesMax: number): Result<never, FrameFault> {
  return failure('frame-too-large', `a frame of ${bytes} bytes exceeds ${bytesMax}; send less at once`);
}
