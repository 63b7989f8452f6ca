import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { EpochInput } from './epoch-request.ts';
import { REQUEST_AT } from './wire.ts';

/** Fields of a request that are not of its input. */
const INPUT_AT = REQUEST_AT.number;

/** What one checksum covers. */
const BLOCK_BYTES = 65_536;

/**
 * Names an epoch's input: SHA-256 over the request and a CRC-32 of each 64 KiB of what lies behind it. It
 * tells inputs apart that differ by accident; three times as fast as SHA-256 over everything.
 */
export function hashInput(request: DataView<ArrayBuffer>, input: EpochInput): string {
  const hash = createHash('sha256').update(
    new Uint8Array(request.buffer, INPUT_AT, REQUEST_AT.fuel - INPUT_AT),
  );
  const update = (values: ArrayBufferView): void => void hash.update(checksums(values));
  input.writeLists(update);
  for (let chunk = 0; chunk < input.chunks; chunk++) input.writeChunk(update, chunk);
  return hash.digest('hex');
}

function checksums(values: ArrayBufferView): Uint32Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return Uint32Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, i) =>
    crc32(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES)),
  );
}
