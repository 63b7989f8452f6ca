import { decodePgt } from '../../../runtime/trace/pgt.ts';
import { must, owned, refusalCode } from '../expect.ts';

/** A page trace, unpacked. */
export function fuzz(input: Uint8Array): string {
  const trace = decodePgt(owned(input));
  if (!trace.ok) return refusalCode(trace);
  must(trace.value.epochs.length > 0, 'a trace of nothing');
  for (const { pageNumber, loads, stores, freed } of trace.value.epochs) {
    must(loads.length === pageNumber.length && stores.length === pageNumber.length, 'half a row');
    let last = -1;
    for (const page of pageNumber) {
      must(Number.isSafeInteger(page) && page > last, `page ${page} behind ${last}`);
      last = page;
    }
    for (const { pageNumber, pages } of freed)
      must(Number.isSafeInteger(pageNumber + pages), `freed ${pages} pages at ${pageNumber}`);
  }
  return 'decoded';
}
