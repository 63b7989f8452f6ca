import { failure, success, type Result } from '../../executor/result.ts';
import { traceEpochsMax, traceRowsMax } from '../limits.ts';
import { createVarintReader, type VarintReader } from './varint.ts';
import type { FreedRange, Trace, TraceEpoch, TraceFault } from './trace.ts';

const HEADER_BYTES = 16;
/** Page numbers stay below what plans may name (executor/plan.ts), and exact in a double. */
const PAGE_NUMBER_END = 2 ** 52;

/**
 * Decodes PGT1 and PGT2 (docs/traces.md): a 16-byte header, then per epoch varint-coded rows of page
 * delta, loads and stores; PGT2 adds the ranges freed. A broken file is refused as a whole.
 */
export function decodePgt(bytes: Uint8Array): Result<Trace, TraceFault> {
  if (bytes.length < HEADER_BYTES) return malformed(0, 'shorter than its header');
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (magic !== 'PGT1' && magic !== 'PGT2') return malformed(0, 'does not begin with PGT1 or PGT2');
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const reader = createVarintReader(bytes, HEADER_BYTES);
  const epochs: TraceEpoch[] = [];
  while (reader.offset < bytes.length) {
    if (epochs.length === traceEpochsMax) return tooLarge(`more than ${traceEpochsMax} epochs`);
    const epoch = readEpoch(reader, magic === 'PGT2');
    if (reader.broken) return malformed(reader.offset, reader.broken);
    if (!epoch) return tooLarge(`an epoch of more than ${traceRowsMax} rows`);
    epochs.push(epoch);
  }
  if (epochs.length === 0) return malformed(HEADER_BYTES, 'holds no epoch');
  return success({
    pageShift: header.getUint32(4, true),
    accessesPerEpoch: header.getUint32(8, true),
    cacheKib: header.getUint32(12, true),
    epochs,
  });
}

/** Undefined when there are more rows than allowed; a broken read shows in `reader.broken`. */
function readEpoch(reader: VarintReader, withFrees: boolean): TraceEpoch | undefined {
  const count = reader.next();
  if (count > traceRowsMax) return undefined;
  // Three varints a row: a count that the file cannot hold is refused before memory is taken for it.
  if (count * 3 > reader.left) reader.fail('ends within an epoch');
  const length = reader.broken ? 0 : count;
  const epoch = {
    pageNumber: new Float64Array(length),
    loads: new Uint32Array(length),
    stores: new Uint32Array(length),
  };
  let pageNumber = 0;
  for (let row = 0; row < length && !reader.broken; row++) {
    const step = reader.next();
    if (row > 0 && step === 0) reader.fail('names a page twice in one epoch');
    pageNumber += step;
    if (pageNumber >= PAGE_NUMBER_END) reader.fail('names a page that cannot be');
    epoch.pageNumber[row] = pageNumber;
    epoch.loads[row] = reader.next();
    epoch.stores[row] = reader.next();
  }
  return { ...epoch, freed: withFrees ? readFreed(reader) : [] };
}

function readFreed(reader: VarintReader): FreedRange[] {
  const freed: FreedRange[] = [];
  let end = 0;
  for (let left = reader.next(); left > 0 && !reader.broken; left--) {
    const pageNumber = end + reader.next();
    const pages = reader.next();
    freed.push({ pageNumber, pages });
    end = pageNumber + pages;
    if (end > PAGE_NUMBER_END) reader.fail('frees pages that cannot be');
  }
  return freed;
}

function malformed(offset: number, what: string) {
  return failure(
    'trace-malformed',
    `not a usable page trace: ${what} (byte ${offset}); record or copy it again`,
  );
}

function tooLarge(what: string) {
  return failure('trace-too-large', `${what}: cut the trace or merge epochs`);
}
