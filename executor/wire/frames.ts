import { Packr, Unpackr } from 'msgpackr/pack';
import { BOUNDS } from '../limits.ts';
import { failure, success, type Result } from '../result.ts';
import { scanFrame } from './scan-frame.ts';

export type FrameFault = 'frame-too-large' | 'frame-malformed';

const prefixBytes = 4;

// `msgpackr/pack` is plain JavaScript: no native add-on parses what strangers send. Extensions are the
// typed arrays of `moreTypes`; records and shared structures stay off, since both ends would have to agree.
const options = { useRecords: false, mapsAsObjects: true, moreTypes: true, int64AsType: 'number' } as const;
const packr = new Packr(options);
const unpackr = new Unpackr(options);

/** One message: the body's length as a little-endian u32, then its MessagePack. */
export function encodeFrame(
  message: unknown,
  bytesMax: number = BOUNDS.frameBytesMax,
): Result<Uint8Array, FrameFault> {
  const body = packr.pack(message);
  if (body.length > bytesMax) return tooLarge(body.length, bytesMax);
  const frame = new Uint8Array(prefixBytes + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, prefixBytes);
  return success(frame);
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

  /** Grows with what has arrived, never to what the prefix promises. */
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
    body = new Uint8Array(0);
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
  return failure('frame-too-large', `a frame of ${bytes} bytes exceeds ${bytesMax}; send a smaller plan`);
}
