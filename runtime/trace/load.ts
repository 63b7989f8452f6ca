import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { failure, success, type Result } from '../../executor/result.ts';
import { traceBytesMax } from '../limits.ts';
import { packageRoot } from '../package-root.ts';
import { decodePgt } from './pgt.ts';
import type { Trace, TraceFault } from './trace.ts';

/** The trace that comes with the package: redis-server under a rotating zipf load. */
export const BUNDLED_TRACE = path.join(packageRoot, 'runtime/trace/redis.pgt.br');

/** Reads a `.pgt`, `.pgt2`, `.gz` or `.br` file. */
export function loadTrace(file: string): Result<Trace, TraceFault> {
  const packed = readBounded(file);
  if (!packed.ok) return packed;
  const bytes = unpack(file, packed.value);
  return bytes.ok ? decodePgt(bytes.value) : bytes;
}

/** `redis` for a path like `somewhere/redis.pgt.br`. */
export function traceName(file: string): string {
  return path.basename(file).replace(/\.(pgt|pgt2)?(\.(br|gz))?$/, '');
}

function readBounded(file: string): Result<Uint8Array, TraceFault> {
  try {
    const { size } = statSync(file);
    if (size > traceBytesMax)
      return failure('trace-too-large', `${file} has ${size} bytes, ${traceBytesMax} allowed: cut the trace`);
    return success(readFileSync(file));
  } catch (error) {
    return failure(
      'trace-not-found',
      `cannot read ${file} (${(error as NodeJS.ErrnoException).code}): give the path of a .pgt file`,
    );
  }
}

function unpack(file: string, packed: Uint8Array): Result<Uint8Array, TraceFault> {
  const bound = { maxOutputLength: traceBytesMax };
  try {
    if (file.endsWith('.br')) return success(brotliDecompressSync(packed, bound));
    if (file.endsWith('.gz')) return success(gunzipSync(packed, bound));
    return success(packed);
  } catch (error) {
    return failure(
      'trace-malformed',
      `cannot unpack ${file} (${(error as NodeJS.ErrnoException).code}): compress it again or give it uncompressed`,
    );
  }
}
